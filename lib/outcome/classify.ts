import type { Outcome } from '../model.js'

/** Whose fault a request's end was, and of which kind. */
export type Verdict =
  /** The endpoint answered and did its job, or the client's request was at fault (4xx). */
  | 'success'
  /** The endpoint answered 5xx, or the caller says that the answer was no good. */
  | 'status'
  /** It answered 502, 503 or 504. */
  | 'gateway'
  /** It answered 429: it works, and wants fewer requests. */
  | 'throttled'
  /** It answered, and broke the body. */
  | 'body'
  /** No connection: nothing was sent. */
  | 'connect'
  /** No or no whole answer: connection lost, time-out. */
  | 'local-origin'
  /** Ended by the caller: not the endpoint's fault, and no evidence for it either. */
  | 'cancelled'

const FIRST_SERVER_ERROR = 500
const TOO_MANY_REQUESTS = 429
const GATEWAY_ERRORS = [502, 503, 504]

/** What the status of an answer says about the endpoint. */
export function verdictOfStatus(status: number): Verdict {
  if (status === TOO_MANY_REQUESTS) return 'throttled'
  if (status < FIRST_SERVER_ERROR) return 'success'
  return GATEWAY_ERRORS.includes(status) ? 'gateway' : 'status'
}

/** What is wrong with an outcome given to `lease.end`; undefined where nothing is. */
export function outcomeFault(outcome: unknown): string | undefined {
  if (outcome === undefined) return undefined
  if (typeof outcome !== 'object' || outcome === null)
    return `the outcome is ${String(outcome)}; it takes an object like { ok: true, status: 200, latencyMs: 12 }, or nothing`
  const { ok, status, latencyMs, load } = outcome as Record<keyof Outcome, unknown>
  if (ok !== undefined && typeof ok !== 'boolean')
    return `ok of the outcome is ${String(ok)}; it takes true or false`
  if (status !== undefined && typeof status !== 'number')
    return `status of the outcome is ${String(status)}; it takes an HTTP status as a number`
  // An endless latency would weigh on the endpoint's average for minutes.
  if (latencyMs !== undefined && !(typeof latencyMs === 'number' && latencyMs >= 0 && latencyMs < Infinity))
    return `latencyMs of the outcome is ${String(latencyMs)}; it takes a number of milliseconds, 0 or more`
  if (load !== undefined && (typeof load !== 'object' || load === null))
    return `load of the outcome is ${String(load)}; it takes an object like { cpuUtilization: 0.4, rps: 120 }`
  return undefined
}

/** What `lease.end(outcome)` says about the endpoint. */
export function verdictOf(outcome: Outcome | undefined): Verdict {
  if (outcome === undefined) return 'success'
  const { ok, status } = outcome
  if (ok === true) return 'success'
  if (status === undefined) return ok === undefined ? 'success' : 'local-origin'
  const verdict = verdictOfStatus(status)
  return ok === false && verdict === 'success' ? 'status' : verdict
}
