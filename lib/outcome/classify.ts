import type { Outcome } from '../model.js'

/** Whose fault a request's end was, and of which kind. */
export type Verdict =
  /** The endpoint answered and did its job, or the client's request was at fault (4xx). */
  | 'success'
  /** The endpoint answered 5xx, or the caller says that the answer was no good. */
  | 'status'
  /** No connection: nothing was sent. */
  | 'connect'
  /** No or no whole answer: connection lost, time-out. */
  | 'local-origin'
  /** Ended by the caller: not the endpoint's fault, and no evidence for it either. */
  | 'cancelled'

const FIRST_SERVER_ERROR = 500

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
  if (ok ?? (status === undefined || status < FIRST_SERVER_ERROR)) return 'success'
  return status === undefined ? 'local-origin' : 'status'
}
