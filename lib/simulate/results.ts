import { ENDED, type Recorder } from './recorder.js'

/** What the requests of a span of time met. Latencies are in ms; those that timed out count with the deadline. */
export interface LatencyResult {
  readonly requests: number
  readonly answered: number
  /** Error answers, connections that were refused or broke. */
  readonly errors: number
  readonly timeouts: number
  /** The balancer had no endpoint for them, or each was at its limit. */
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
  /** The requests that arrived from `fromMs` until before `untilMs`, ms since the simulation began. */
  between(fromMs: number, untilMs: number): LatencyResult
  /** Of the requests that arrived in these ms and were sent, the share of each endpoint, in order. */
  sharesBetween(fromMs: number, untilMs: number): number[]
  /** Share of all requests that were answered within `limitMs`. */
  shareWithin(limitMs: number): number
}

export function latencyResult(
  { count, arrivedAt, latencyMs, ended }: Recorder,
  fromMs = Number.NEGATIVE_INFINITY,
  untilMs = Number.POSITIVE_INFINITY,
): LatencyResult {
  const counts = [0, 0, 0, 0, 0]
  const latencies = new Float64Array(count)
  let length = 0
  let sum = 0
  for (let i = 0; i < count; i++) {
    if (arrivedAt[i] < fromMs || arrivedAt[i] >= untilMs) continue
    counts[ended[i]]++
    const latency = latencyMs[i]
    if (Number.isNaN(latency)) continue
    latencies[length++] = latency
    sum += latency
  }
  const sorted = latencies.subarray(0, length).sort()
  const quantile = (q: number) =>
    length === 0 ? Number.NaN : sorted[Math.min(length - 1, Math.floor(q * length))]
  return {
    requests: counts.reduce((total, some) => total + some, 0),
    answered: counts[ENDED.ANSWERED],
    errors: counts[ENDED.FAILED],
    timeouts: counts[ENDED.TIMED_OUT],
    refused: counts[ENDED.REFUSED],
    meanMs: sum / length,
    p50Ms: quantile(0.5),
    p90Ms: quantile(0.9),
    p99Ms: quantile(0.99),
    p999Ms: quantile(0.999),
    maxMs: quantile(1),
  }
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
