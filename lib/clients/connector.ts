import type { Socket } from 'node:net'
import type { buildConnector, Pool } from 'undici'
import { loadUndici } from '../runtime/lazy.js'
import { watchConnection } from './idle-close.js'

type Connect = buildConnector.connector

/**
 * The options of a pool, with connections that are watched. What undici would do with `connect` and the options beside it
 * when it is no function is done here: they go to its own connector.
 */
export function watchedConnections(options: Pool.Options): Pool.Options {
  const { connect, connectTimeout, allowH2, socketPath, maxCachedSessions, ...rest } = options
  const inner: Connect =
    typeof connect === 'function'
      ? connect
      : loadUndici().buildConnector({
          maxCachedSessions,
          allowH2,
          socketPath,
          timeout: connectTimeout,
          ...(connect as object),
        })
  const watched: Connect = (target, callback) => {
    const began = performance.now()
    return inner(target, (error: Error | null, socket?: Socket | null) => {
      if (error !== null || !socket) return callback(error as Error, null)
      watchConnection(socket, performance.now() - began)
      callback(null, socket)
    })
  }
  return { ...rest, allowH2, connect: watched }
}
