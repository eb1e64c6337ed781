import { OUTCOME, type OutcomeCode } from '../engine/layout.js'
import type { Outcome } from '../model/index.js'

/** How one try of a request ended, as far as its endpoint is concerned. docs/outcomes.md has the table. */
export type Verdict =
  /** The endpoint answered and did its job, or the client's request was at fault (4xx). */
  | 'success'
  /** The endpoint answered 5xx, or the caller says that the answer was no good. */
  | 'status'
  /** It answered 502, 503 or 504: as good as no answer. */
  | 'gateway'
  /** It answered 429: counted as the other answers below 500, but no sample, and no end to a run of failures. */
  | 'throttled'
  /** No connection: nothing was sent. */
  | 'connect'
  /** No answer: connection lost, time-out, protocol error. */
  | 'local-origin'
  /** A connection ended that was the endpoint's to end, or took other requests with it that count already. */
  | 'connection'
  /** Nothing was answered, while others answered, until it was sure that the endpoint is silent. */
  | 'stall'
  /** Ended by the caller or by this process: no evidence of the endpoint. */
  | 'cancelled'

const TOO_MANY_REQUESTS = 429
const FIRST_SERVER_ERROR = 500
const GATEWAY_ERRORS: readonly number[] = [502, 503, 504]

/** Verdicts that only a final answer can give. */
export type AnswerVerdict = Extract<Verdict, 'success' | 'status' | 'gateway' | 'throttled'>

/** What the engines count. */
export const OUTCOME_OF: Readonly<Record<Verdict, OutcomeCode>> = {
  success: OUTCOME.SUCCEEDED,
  status: OUTCOME.FAILED,
  gateway: OUTCOME.FAILED,
  throttled: OUTCOME.SUCCEEDED,
  connect: OUTCOME.LOST,
  'local-origin': OUTCOME.LOST,
  connection: OUTCOME.LOST,
  stall: OUTCOME.LOST,
  cancelled: OUTCOME.CANCELLED,
}

/** The verdict on a final answer by its status. */
export function verdictOfStatus(status: number): AnswerVerdict {
  if (status < FIRST_SERVER_ERROR) return status === TOO_MANY_REQUESTS ? 'throttled' : 'success'
  return GATEWAY_ERRORS.includes(status) ? 'gateway' : 'status'
}

/** Answers that may ask to be left alone for a while (RFC 9110, 10.2.3; RFC 6585, 4). */
export const mayAskForPause = (status: number): boolean => status === TOO_MANY_REQUESTS || status === 503

/** What is wrong with an outcome given to `lease.end` or `lease.answered`; undefined where nothing is. */
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

/** What `lease.end(outcome)` says about the endpoint. `ok` stands above the status. */
export function verdictOf(outcome: Outcome | undefined): Verdict {
  if (outcome === undefined) return 'success'
  const { ok, status } = outcome
  if (ok === true) return 'success'
  if (status === undefined) return ok === false ? 'local-origin' : 'success'
  const verdict = verdictOfStatus(status)
  return ok === false && verdict === 'success' ? 'status' : verdict
}

/** What `lease.answered(outcome)` says: there is an answer, so the endpoint can be reached. */
export function answerVerdictOf(outcome: Outcome | undefined): AnswerVerdict {
  const verdict = verdictOf(outcome)
  return verdict === 'local-origin' ? 'status' : (verdict as AnswerVerdict)
}
