/** Does the endpoint answer a request with a status that passes? Over HTTP/1.1, HTTPS or HTTP/2, as the service's own requests go. */
import type { buildConnector, Dispatcher } from 'undici'
import type { ClientConfig, Endpoint, HealthConfig } from '../../model/index.js'
import { hostToSet } from '../../options/host-header.js'
import { afterReads } from '../../runtime/after-reads.js'
import { loadUndici } from '../../runtime/lazy.js'
import { systemTimers, type Timers } from '../../runtime/timers.js'
import { type Check, type CheckResult, describeFailure, describeMs, failedBy } from './check.js'
import { HttpConnection } from './http-connection.js'
import { type ResolvedHttpCheck, resolveHttpCheck } from './options.js'

export type HttpHealthConfig = NonNullable<HealthConfig['http']>

export interface HttpCheck {
  readonly check: Check
  /** Closes what is kept open for an endpoint that left the service. */
  release(id: string): Promise<void>
  /** Closes every connection; checks under way fail. Resolves when all sockets have closed. */
  close(): Promise<void>
}

/** Told of a whole answer with a status that passes, before the check settles. */
export type AnswerListener = (
  endpoint: Endpoint,
  headers: Readonly<Record<string, string | string[] | undefined>>,
  body: string,
) => void

/** A longer body is not worth reading on: the connection is closed instead of drained. */
const MAX_BODY_BYTES = 65_536

/** Errors by which a peer that has closed an idle connection shows itself to the next request on it. */
const CLOSED_CODES = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])

/**
 * Makes the check function of one service. `check` never rejects: it passes when the status line comes within the
 * time-out and its code is one of `http.expect`. A redirect is not followed: its own status counts. The body is read up to
 * 64 KiB and up to the time-out; one that is longer or slower is cut off, one that breaks makes the check fail.
 *
 * The Host header is `http.host`, else what `client.host` gives to the service's requests; the SNI name is `http.host`,
 * else `client.connect.servername`, else the endpoint's host.
 *
 * @param config what is left out has its default
 * @param client the service's client options, of which the connection's are used (`connect`, `allowH2`, `maxHeaderSize`)
 * @param service the service's name, the Host header where `client.host` is `service`
 * @param onAnswer for those who want to know what was answered
 */
export function createHttpCheck(
  config: HttpHealthConfig,
  client: ClientConfig = {},
  service = '',
  timers: Timers = systemTimers,
  onAnswer?: AnswerListener,
): HttpCheck {
  const connections = new Map<string, HttpConnection>()
  const closing = new Set<Promise<void>>()
  const http = resolveHttpCheck(config)
  const expected = http.expect.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ')
  const request = requestOptions(http, client, service)
  let connector: buildConnector.connector | undefined
  let closed = false

  const discard = (id: string, connection: HttpConnection): Promise<void> => {
    if (connections.get(id) === connection) connections.delete(id)
    const done = connection.destroy().finally(() => closing.delete(done))
    closing.add(done)
    return done
  }

  const connectionTo = (endpoint: Endpoint, connector: buildConnector.connector): HttpConnection => {
    const present = connections.get(endpoint.id)
    if (present?.url === endpoint.url) return present
    if (present !== undefined) discard(endpoint.id, present)
    const { allowH2, maxHeaderSize } = client
    // No time-outs of undici's own: the check's covers all.
    const connection = new HttpConnection(endpoint, connector, {
      allowH2,
      maxHeaderSize,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
    connections.set(endpoint.id, connection)
    return connection
  }

  const check: Check = (endpoint, timeoutMs, signal) => {
    try {
      // Before the clock starts: loading undici holds the thread for tens of ms, which are not the endpoint's.
      connector ??= makeConnector(client)
    } catch (error) {
      return Promise.resolve({ ok: false, latencyMs: 0, detail: describeFailure(error) })
    }
    return ask(endpoint, timeoutMs, signal, connector)
  }

  const ask = (
    endpoint: Endpoint,
    timeoutMs: number,
    signal: AbortSignal,
    connect: buildConnector.connector,
  ): Promise<CheckResult> =>
    new Promise((resolve) => {
      const began = timers.now()
      let connection: HttpConnection | undefined
      let verdict: CheckResult | undefined
      let retried = false
      let over = false

      const judge = (ok: boolean, detail: string): CheckResult => ({
        ok,
        latencyMs: timers.now() - began,
        detail,
      })
      const finish = (result: CheckResult, keep: boolean): void => {
        if (over) return
        over = true
        timer.cancel()
        signal.removeEventListener('abort', onAbort)
        if (keep || connection === undefined) resolve(result)
        else discard(endpoint.id, connection).then(() => resolve(result))
      }
      const onAbort = (): void => finish(judge(false, 'the check was cancelled'), false)
      const fail = (error: unknown): void => {
        if (over) return
        const code = (error as { code?: unknown } | undefined)?.code
        const idle = connection?.answered === true && verdict === undefined && !retried
        if (idle && typeof code === 'string' && CLOSED_CODES.has(code)) {
          // The endpoint had closed a connection that lay idle, as it may: only a fresh one tells whether it works.
          retried = true
          discard(endpoint.id, connection as HttpConnection)
          attempt()
        } else finish(failedBy(error, timers.now() - began), false)
      }
      const attempt = (): void => {
        try {
          connection = closed ? undefined : connectionTo(endpoint, connect)
          if (connection === undefined) finish(judge(false, 'this check was closed'), false)
          else connection.dispatch(request, handlerOf(connection))
        } catch (error) {
          fail(error)
        }
      }
      const handlerOf = (on: HttpConnection): Dispatcher.DispatchHandler => {
        let bodyBytes = 0
        let headers: Parameters<AnswerListener>[1] = {}
        const body: Buffer[] = []
        const present = (): boolean => connection === on && !over
        return {
          onRequestStart() {},
          onResponseStart(_controller, status, received) {
            // 100 to 199 announce the answer, they are not it.
            if (status < 200 || !present()) return
            const ok = http.expect.some(([from, to]) => status >= from && status <= to)
            headers = received
            verdict = judge(ok, ok ? `answered ${status}` : `answered ${status}, expected ${expected}`)
          },
          onResponseData(_controller, chunk) {
            bodyBytes += chunk.length
            if (onAnswer !== undefined) body.push(chunk)
            if (bodyBytes > MAX_BODY_BYTES && verdict !== undefined && present()) finish(verdict, false)
          },
          onResponseEnd() {
            on.answered = true
            if (verdict === undefined || !present()) return
            if (verdict.ok) onAnswer?.(endpoint, headers, Buffer.concat(body).toString('utf8'))
            finish(verdict, true)
          },
          onResponseError(_controller, error) {
            if (present()) fail(error)
          },
        }
      }

      const timer = timers.after(timeoutMs, () => {
        afterReads(() => {
          const what = connection?.connected ? 'no answer' : 'no connection'
          finish(verdict ?? judge(false, `${what} within ${describeMs(timeoutMs)}`), false)
        })
      })
      signal.addEventListener('abort', onAbort, { once: true })
      if (signal.aborted) onAbort()
      else attempt()
    })

  return {
    check,
    async release(id) {
      const connection = connections.get(id)
      if (connection !== undefined) await discard(id, connection)
    },
    async close() {
      closed = true
      for (const [id, connection] of connections) discard(id, connection)
      await Promise.all(closing)
    },
  }
}

function requestOptions(
  http: ResolvedHttpCheck,
  client: ClientConfig,
  service: string,
): Dispatcher.DispatchOptions {
  const headers: Record<string, string> = { 'user-agent': 'fairlead-health' }
  for (const [name, value] of Object.entries(http.headers)) headers[name.toLowerCase()] = value
  const traffic = hostToSet(client.host, service)
  const host = http.host ?? headers.host ?? traffic
  if (host !== undefined) headers.host = host
  const servername = http.host === undefined ? client.connect?.servername : nameOf(http.host)
  // `servername` is an option of undici's dispatch that its types leave out; it wins over the name in the Host header.
  const options = { path: http.path, method: http.method, headers, servername }
  return options as Dispatcher.DispatchOptions
}

/** The name in a Host header: `users.test:8443` to `users.test`. */
const nameOf = (host: string): string => host.replace(/:\d+$/, '')

/** One for all endpoints: undici's connector with the service's TLS options, or the user's own connect function. */
function makeConnector({ connect, allowH2 }: ClientConfig): buildConnector.connector {
  if (typeof connect === 'function') return connect as buildConnector.connector
  return loadUndici().buildConnector({ ...connect, allowH2, timeout: 0 })
}
