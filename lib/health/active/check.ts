/**
 * What an active check is: a function that asks one endpoint whether it works, and the words for why it does not.
 */
import type { Endpoint } from '../../model/index.js'
import { isProcessFault } from '../../runtime/process-faults.js'

/** What one check found. */
export interface CheckResult {
  readonly ok: boolean
  /** Time to the verdict in ms: the connection for TCP, the status line and headers for HTTP. */
  readonly latencyMs: number
  /** What came, for people: `answered 503, expected 200-299`. */
  readonly detail: string
  /**
   * This failure says nothing about the endpoint: this thread's own event loop was held while the check ran, or this process
   * could not open a connection.
   * It must not count: `afterCheck` and `healthScore` leave their state as it is.
   */
  readonly discarded?: true
}

/**
 * Asks `endpoint` once. Settles within `timeoutMs`, sooner when `signal` is aborted, and frees all it holds before it
 * settles. The checks of this folder never reject; a user's own may: that counts as a failing check.
 */
export type Check = (endpoint: Endpoint, timeoutMs: number, signal: AbortSignal) => Promise<CheckResult>

const CAUSES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  ECONNABORTED: 'connection aborted',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  EADDRNOTAVAIL: 'no local address or port left to connect from',
  EMFILE: 'this process has no file descriptor left',
  ENOTFOUND: 'host name not found',
  EAI_AGAIN: 'host name cannot be resolved at the moment',
  UND_ERR_SOCKET: 'connection closed before the answer was complete',
  UND_ERR_HEADERS_OVERFLOW: 'the headers of the answer are too large',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'the body of the answer is not as long as its content-length says',
}

const MAX_DETAIL_CHARS = 300

/** Why a connection or an answer failed, with its error code: `connection refused (ECONNREFUSED)`. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, MAX_DETAIL_CHARS)
  // A name with several addresses fails with one error for each of them, and with no message of its own.
  if (error instanceof AggregateError && error.errors.length > 0) return describeFailure(error.errors[0])
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const message = error.message.slice(0, MAX_DETAIL_CHARS)
  const cause =
    CAUSES[code] ?? (error.name === 'HTTPParserError' ? `the answer is not HTTP: ${message}` : message)
  return code === '' ? cause || error.name : `${cause} (${code})`
}

/** A check that failed by an error: one of this process says nothing about the endpoint. */
export const failedBy = (error: unknown, latencyMs: number): CheckResult => ({
  ok: false,
  latencyMs,
  detail: describeFailure(error),
  ...(isProcessFault(error) ? { discarded: true } : {}),
})

/** `1,000 ms` */
export const describeMs = (ms: number): string =>
  `${ms.toLocaleString('en-US', { maximumFractionDigits: 0 })} ms`

/** What a check function resolved to, as a result: a failing one that says what was wrong with any other shape. */
export function asCheckResult(value: unknown): CheckResult {
  const { ok, latencyMs, detail, discarded } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<CheckResult>
  if (typeof ok !== 'boolean') {
    const found =
      typeof value === 'object' && value !== null ? 'an object without a boolean "ok"' : String(value)
    const message = `the check function resolved to ${found}; it must resolve to { ok, latencyMs, detail }`
    return { ok: false, latencyMs: Number.NaN, detail: message }
  }
  // The checker puts its own measurement in the place of NaN.
  const latency = typeof latencyMs === 'number' ? latencyMs : Number.NaN
  return {
    ok,
    latencyMs: latency,
    detail: typeof detail === 'string' ? detail.slice(0, MAX_DETAIL_CHARS) : '',
    ...(discarded === true && !ok ? { discarded } : {}),
  }
}
