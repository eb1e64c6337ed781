import type { Socket } from 'node:net'
import type { buildConnector, Client } from 'undici'
import { loadUndici } from '../runtime/lazy.js'

export type Connect = buildConnector.connector

/** What an endpoint's connections are made with: undici's options of a `Client`, and those that are fairlead's. */
export interface PoolOptions extends Client.Options {
  /** Most connections at a time; undefined: no limit. */
  readonly connections?: number
  /** Longest life of a connection, ms; 0 or undefined: no limit. */
  readonly maxConnectionAgeMs?: number
}

/**
 * undici's own connector for the `connect` option and those beside it. One serves all connections to an endpoint, since it
 * keeps the TLS sessions that spare later ones a round trip.
 */
export function connectorOf(options: PoolOptions): Connect {
  const { connect, connectTimeout, allowH2, socketPath, maxCachedSessions } = options
  if (typeof connect === 'function') return connect as Connect
  return loadUndici().buildConnector({
    maxCachedSessions,
    allowH2,
    socketPath,
    timeout: connectTimeout,
    ...(connect as object),
  })
}

/** Calls back as `connect` does, and tells of the socket before that, with the ms that connecting took. */
export function watched(connect: Connect, onSocket: (socket: Socket, connectMs: number) => void): Connect {
  return (target, callback) => {
    const began = performance.now()
    return connect(target, (error: Error | null, socket?: Socket | null) => {
      if (error !== null || !socket) return callback(error as Error, null)
      onSocket(socket, performance.now() - began)
      callback(null, socket)
    })
  }
}
