/** Is anyone listening? A TCP connection is opened and closed; nothing is sent. For HTTPS endpoints too: no handshake. */
import { Socket } from 'node:net'
import type { Endpoint } from '../../model/index.js'
import { afterReads } from '../../runtime/after-reads.js'
import { systemTimers, type Timers } from '../../runtime/timers.js'
import { type CheckResult, describeMs, failedBy } from './check.js'

/** `[::1]`, as URLs write it, to `::1`, as sockets take it. */
const withoutBrackets = (host: string): string => (host.startsWith('[') ? host.slice(1, -1) : host)

/**
 * While nobody listens on a local port, the kernel may pick that very port as a new socket's own, and TCP's simultaneous
 * open then joins the socket to itself: a connection to an endpoint that is not there.
 */
export const isJoinedToItself = (socket: Socket): boolean =>
  socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress

/**
 * Passes when a TCP connection to the endpoint's host and port is accepted within `timeoutMs`. Never rejects; settles
 * after the socket has closed.
 */
export function tcpCheck(
  endpoint: Endpoint,
  timeoutMs: number,
  signal: AbortSignal,
  timers: Timers = systemTimers,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const began = timers.now()
    let result: CheckResult | undefined
    const finish = (found: CheckResult): void => {
      result ??= found
      socket.destroy()
    }
    const settle = (ok: boolean, detail: string): void =>
      finish({ ok, latencyMs: timers.now() - began, detail })
    const onAbort = (): void => settle(false, 'the check was cancelled')
    const socket = new Socket()
    const timer = timers.after(timeoutMs, () =>
      afterReads(() => settle(false, `no connection within ${describeMs(timeoutMs)}`)),
    )
    signal.addEventListener('abort', onAbort, { once: true })
    socket.on('connect', () => {
      if (isJoinedToItself(socket)) settle(false, 'nobody listens: the socket was joined to itself')
      else settle(true, 'connected')
    })
    socket.on('error', (error) => finish(failedBy(error, timers.now() - began)))
    socket.on('close', () => {
      timer.cancel()
      signal.removeEventListener('abort', onAbort)
      resolve(result ?? { ok: false, latencyMs: timers.now() - began, detail: 'the socket was closed' })
    })
    if (signal.aborted) return onAbort()
    try {
      socket.connect({ host: withoutBrackets(endpoint.host), port: endpoint.port })
    } catch (error) {
      finish(failedBy(error, timers.now() - began))
    }
  })
}
