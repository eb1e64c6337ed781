import type { OverTime } from './over-time.js'
import { ENDED, type Recorder } from './recorder.js'

/** What the requests of a span of time met. Latencies are in ms; those that timed out count with the deadline. */
export interface LatencyResult {
  readonly requests: number
  readonly answered: number
  /** Error answers, connections that were refused or broke. */
  readonly errors: number
  readonly timeouts: number
  /** The balancer had no endpoint for them, or no place in the time that they may wait for one. */
  readonly refused: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
}

/** What one endpoint was sent, and how busy it was. */
export interface EndpointResult {
  readonly id: string
  readonly requests: number
  /** Of all requests that were sent. */
  readonly share: number
  /** Share of its workers' time in which they were at work on requests; NaN where their number has no limit. */
  readonly utilization: number
}

/** Requests that were answered within their deadline; where there is none, that were answered. */
export interface GoodputResult {
  /** Requests a second, from the first arrival to the last. */
  readonly perSecond: number
  /** Requests a second that the endpoints can answer when nothing disturbs them; NaN where one has no limit of workers. */
  readonly capacity: number
  /** `perSecond` as a share of that. */
  readonly ofCapacity: number
}

/** What the requests met in the admission queue: `service.queue`. */
export interface QueueResult {
  /** Requests that waited in it, whether they got a place, were refused in the end, or gave up. */
  readonly waited: number
  /** How long these waited. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Most that waited at once, of all clients together. */
  readonly most: number
}

/** What the requests of one tier met. */
export interface TierResult extends LatencyResult {
  readonly tier: number
  readonly answeredShare: number
}

/** One policy's results. */
export interface PolicyResult extends LatencyResult {
  readonly policy: string
  readonly engine: 'native' | 'fallback'
  /** How long all that took, in ms of simulated time. */
  readonly simulatedMs: number
  readonly endpoints: readonly EndpointResult[]
  /** Requests of the busiest endpoint over the mean of all. */
  readonly maxOverMean: number
  /** Share of arrivals at which an endpoint had at least i requests, averaged over the endpoints; i from 0 to 7. */
  readonly queueTail: readonly number[]
  readonly goodput: GoodputResult
  readonly overTime: OverTime
  readonly queue: QueueResult
  /** Where the simulation has `tiers`. */
  readonly tiers?: readonly TierResult[]
  /** The requests that arrived from `fromMs` until before `untilMs`, ms since the simulation began. */
  between(fromMs: number, untilMs: number): LatencyResult
  /** Of the requests that arrived in these ms and were sent, the share of each endpoint, in order. */
  sharesBetween(fromMs: number, untilMs: number): number[]
  /** Requests that were answered within their deadline in these ms, a second. */
  goodputBetween(fromMs: number, untilMs: number): number
  /** Share of all requests that were answered within `limitMs`. */
  shareWithin(limitMs: number): number
}

const quantileOf = (sorted: Float64Array, q: number): number =>
  sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]

/** Of all requests, or of those of which `counts` is true. */
export function latencyResult(
  { count, latencyMs, ended }: Recorder,
  counts: (ordinal: number) => boolean = () => true,
): LatencyResult {
  const byEnd = [0, 0, 0, 0, 0]
  const latencies = new Float64Array(count)
  let length = 0
  let sum = 0
  for (let i = 0; i < count; i++) {
    if (!counts(i)) continue
    byEnd[ended[i]]++
    const latency = latencyMs[i]
    if (Number.isNaN(latency)) continue
    latencies[length++] = latency
    sum += latency
  }
  const sorted = latencies.subarray(0, length).sort()
  return {
    requests: byEnd.reduce((total, some) => total + some, 0),
    answered: byEnd[ENDED.ANSWERED],
    errors: byEnd[ENDED.FAILED],
    timeouts: byEnd[ENDED.TIMED_OUT],
    refused: byEnd[ENDED.REFUSED],
    meanMs: sum / length,
    p50Ms: quantileOf(sorted, 0.5),
    p90Ms: quantileOf(sorted, 0.9),
    p99Ms: quantileOf(sorted, 0.99),
    p999Ms: quantileOf(sorted, 0.999),
    maxMs: quantileOf(sorted, 1),
  }
}

/** The requests that arrived in these ms. */
export function latencyBetween(recorder: Recorder, fromMs: number, untilMs: number): LatencyResult {
  const { arrivedAt } = recorder
  return latencyResult(recorder, (i) => arrivedAt[i] >= fromMs && arrivedAt[i] < untilMs)
}

/** @param tiers how many there are */
export function tierResults(recorder: Recorder, tiers: number): TierResult[] {
  return Array.from({ length: tiers }, (_, tier) => {
    const latency = latencyResult(recorder, (i) => recorder.tier[i] === tier)
    return { tier, answeredShare: latency.answered / latency.requests, ...latency }
  })
}

/** @param most that waited at once */
export function queueResult({ count, waitedMs }: Recorder, most: number): QueueResult {
  const waits = waitedMs
    .subarray(0, count)
    .filter((ms) => !Number.isNaN(ms))
    .sort()
  return { waited: waits.length, p50Ms: quantileOf(waits, 0.5), p99Ms: quantileOf(waits, 0.99), most }
}

export function shareWithin({ count, latencyMs, ended }: Recorder, limitMs: number): number {
  let within = 0
  for (let i = 0; i < count; i++) if (ended[i] === ENDED.ANSWERED && latencyMs[i] <= limitMs) within++
  return within / count
}

export function sharesBetween(
  { count, arrivedAt, sentTo }: Recorder,
  endpoints: number,
  fromMs: number,
  untilMs: number,
): number[] {
  const counts = new Array<number>(endpoints).fill(0)
  let sum = 0
  for (let i = 0; i < count; i++) {
    if (arrivedAt[i] < fromMs || arrivedAt[i] >= untilMs || sentTo[i] < 0) continue
    counts[sentTo[i]]++
    sum++
  }
  return counts.map((sent) => (sum === 0 ? 0 : sent / sum))
}
