import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { jitteredAge } from '../../connections/age.js'
import type { EndpointOptions } from './endpoint-options.js'

/** An idle connection is given up so long before the endpoint said it would close it, ms (undici's). */
const HINT_MARGIN_MS = 2_000
/** First probe of an idle connection by TCP itself, ms. */
const TCP_KEEP_ALIVE_MS = 60_000
const MAX_FREE_SOCKETS = 1_000_000

/** For how long endpoints said they keep a connection open, ms. */
const hints = new WeakMap<Duplex, number>()

/** When a connection is too old to be kept, on the clock of `performance.now()`. */
const ends = new WeakMap<Duplex, number>()

/** The field that was read last, which is mostly the next one too. */
let lastField = ''
let lastMs: number | undefined

/** Notes an answer's `keep-alive` field. */
export function noteKeepAlive(socket: Duplex, field: string): void {
  if (field !== lastField) {
    const seconds = /(?:^|[\s,;])timeout=(\d+)/i.exec(field)?.[1]
    lastField = field
    lastMs = seconds === undefined ? undefined : Number(seconds) * 1000
  }
  if (lastMs !== undefined && hints.get(socket) !== lastMs) hints.set(socket, lastMs)
}

/** Node's agent, keeping idle connections as undici does. */
export function keepingAgent(options: EndpointOptions): HttpAgent | HttpsAgent {
  const { keepAliveTimeout, keepAliveMaxTimeout, maxConnectionAgeMs } = options
  const isTooOld = (socket: Duplex): boolean => {
    const now = performance.now()
    const end = ends.get(socket)
    if (end !== undefined) return now >= end
    // The first time that it is kept: about when it was opened.
    ends.set(socket, now + jitteredAge(maxConnectionAgeMs))
    return false
  }
  const keep = (socket: Duplex): boolean => {
    const hint = hints.get(socket)
    const ms = hint === undefined ? keepAliveTimeout : Math.min(hint - HINT_MARGIN_MS, keepAliveMaxTimeout)
    const { timeout, destroyed, readableLength } = socket as Socket
    // What an endpoint sends beyond its answer must not be taken for the next one.
    if (ms <= 0 || destroyed || readableLength > 0) return false
    if (maxConnectionAgeMs > 0 && isTooOld(socket)) return false
    // The agent closes a free connection at its time-out, and ignores that of one in use.
    if (timeout !== ms) (socket as Socket).setTimeout(ms)
    return true
  }
  const agentOptions = {
    ...options.connect,
    keepAlive: options.keepAlive,
    keepAliveMsecs: TCP_KEEP_ALIVE_MS,
    maxSockets: options.connections,
    maxFreeSockets: MAX_FREE_SOCKETS,
    ...(options.secure ? { ALPNProtocols: ['http/1.1'] } : {}),
  }
  const agent = options.secure ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions)
  // `keepSocketAlive` is Node's documented hook for it; the types do not have it.
  return Object.assign(agent, { keepSocketAlive: keep })
}
