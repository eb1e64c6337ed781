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

/** What `lease.end(outcome)` says about the endpoint. */
export function verdictOf(outcome: Outcome | undefined): Verdict {
  if (outcome === undefined) return 'success'
  const { ok, status } = outcome
  if (ok ?? (status === undefined || status < FIRST_SERVER_ERROR)) return 'success'
  return status === undefined ? 'local-origin' : 'status'
}
