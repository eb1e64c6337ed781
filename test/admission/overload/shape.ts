/** A load on endpoints: what the overload model is asked to run. */
export type ServiceTimes = 'fixed' | 'exponential' | 'bimodal' | 'lognormal' | 'mixed' | 'poll'

export interface Shape {
  readonly endpoints: number
  /** Of each endpoint. */
  readonly workers: number
  readonly service: ServiceTimes
  readonly meanMs: number
  /** Requests offered, in multiples of what the endpoints can serve. */
  readonly load: number
  /** Callers give up after this many ms; 0: never. */
  readonly deadlineMs: number
  /** Whether the balancer knows the deadline, or only sees callers leave. */
  readonly deadlineKnown: boolean
  /** Whether a server drops what its callers gave up before it began. What it has begun it always ends. */
  readonly noticesAborts: boolean
  readonly durationMs: number
  readonly seed: number
  readonly pick: 'peak-ewma' | 'least-request'
  /** From `atMs` on, another load or other workers or another pace of all endpoints. */
  readonly changes?: readonly Change[]
  /** Requests at once, every so often, beside the steady load. */
  readonly burst?: { readonly everyMs: number; readonly count: number }
  /** Load only in the first `onMs` of every `everyMs`, at the rate that makes `load` the average. */
  readonly onOff?: { readonly onMs: number; readonly everyMs: number }
  /** What counts begins here; 10 s unless set. */
  readonly countFromMs?: number
}

export interface Change {
  readonly atMs: number
  readonly load?: number
  readonly workers?: number
  /** Service times are multiplied by this. */
  readonly slowBy?: number
}

/** Of the admission queue. Times in ms. */
export interface Discipline {
  readonly limit: number
  /** How long a request waits at most. */
  readonly waitMs: number
  /** How long while the queue has not been empty for `intervalMs`. */
  readonly busyWaitMs: number
  readonly intervalMs: number
  /** Busy waits are at least this many base latencies of the service. */
  readonly busyWaitBases: number
  /** The interval is at least this many base latencies. */
  readonly intervalBases: number
  /** Busy until the queue has been empty for an interval, not for a moment. */
  readonly sticky: boolean
}

export interface Outcome {
  /** Answers in time, of what the endpoints could have given; arrivals from `countFromMs` on. */
  goodput: number
  /** Of those that were sent: ms from arrival to answer, or to when the caller left. */
  p99Ms: number
  meanMs: number
  /** Share of the arrivals that were refused, and that were sent and given up. */
  refused: number
  missed: number
  arrived: number
  /** Places at the end, over all endpoints; infinite counts as 1,024 each. */
  limits: number[]
  /** Over time, in bins of `BIN_MS`: arrivals, those answered in time, and answers in time when they came. */
  arrivedBins: Float64Array
  goodBins: Float64Array
  answeredBins: Float64Array
  /** Limit of the first endpoint at the end of each bin. */
  limitBins: Float64Array
  /** Waits in the admission queue of those sent, ms. */
  waitMeanMs: number
}

export const BIN_MS = 250

/** What the model asks of a limiter: one of each endpoint. Times in ms. */
export interface Limiter {
  /** Requests allowed in flight, a whole number. */
  limit: number
  /** Latency with few in flight, ms; 0: unknown. */
  baseMs: number
  /** A request is sent; `inFlight` counts it, `isKnown`: its deadline is known. What it returns comes back with the outcome. */
  sent(now: number, inFlight: number, isKnown: boolean): number
  answered(now: number, latencyMs: number, inFlight: number, mark: number): void
  aborted(now: number, ageMs: number, inFlight: number, mark: number): void
  /** A request found no place. */
  full(now: number, inFlight: number): void
}
