import { ALL_LINES, endBucket, firstBucket, type LatencySummary, summarise } from '../engine/histogram.js'
import { HISTOGRAM_BUCKETS, SERVICE, SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { AdmissionControlStats, ConnectionCounts, EndpointState } from '../model/index.js'
import { endpointLimits, type Limits, type LimitsStats, serviceLimits } from './limits.js'

/** Counts of one endpoint, from all threads. */
export interface EndpointStats {
  /** Tries sent to this endpoint so far, those in flight included. */
  readonly requests: number
  readonly succeeded: number
  readonly failed: number
  /** Ended by the caller before an answer. */
  readonly cancelled: number
  readonly inFlight: number
  /** Of those in flight, requests whose answer has not begun. */
  readonly unanswered: number
  /** How many unanswered requests it was found to take; 0: all that were sent. */
  readonly adaptiveLimit: number
  readonly limits: LimitsStats
  readonly state: EndpointState
  readonly weight: number
  readonly zone: string
  readonly region: string
  /** Share of recent active checks that passed, 0 to 1; 1 where there are none. */
  readonly healthScore: number
  /** The latency that policies see now, ms: the average, or for how long nothing has been answered. */
  readonly averageLatencyMs: number
  readonly latencyMs: LatencySummary
  /** Of this thread, made by fairlead; all 0 over a dispatcher of your own. */
  readonly connections: ConnectionCounts
}

/** Counts of a service's admission queue, from all threads. */
export interface QueueStats {
  /** Requests that wait for a place now, and how many may. */
  readonly waiting: number
  readonly limit: number
  /** Requests that waited and got a place, did not get one in time, and were given up by their callers, so far. */
  readonly admitted: number
  readonly late: number
  readonly left: number
  /** Requests that it had no room for. */
  readonly refused: number
  /** Waits of those that got a place, ms. */
  readonly waitMs: LatencySummary
  /** Calls of other threads, places taken back from threads that were held, and exchanges that another thread won; modulo 2^32. */
  readonly wakeUps: number
  readonly revoked: number
  readonly retries: number
}

/** One source of a service's endpoints. */
export interface SourceStats {
  /** Its kind and where it looks: `dns users.internal`, `file /etc/users.yaml`. */
  readonly source: string
  /** Those of its last good answer. */
  readonly endpoints: number
  /** ms since it answered last, well or as before; undefined: not yet. Other threads than the one that asks know it to the second. */
  readonly ageMs: number | undefined
  /** What went wrong since; undefined: nothing. */
  readonly error: string | undefined
  /** For how long an answer is held back yet, ms; Infinity: one without endpoints. undefined: none is. */
  readonly heldMs: number | undefined
}

/** Counts of one service, from all threads. */
export interface ServiceStats {
  /** Requests so far, each counted once however often it was tried. */
  readonly requests: number
  readonly succeeded: number
  readonly failed: number
  readonly cancelled: number
  /** Further tries. Tries of all endpoints together: `requests + retried`. */
  readonly retried: number
  /** Refused because each usable endpoint was at its limit, or by admission control. */
  readonly overloaded: number
  /** Refused because no endpoint was usable. */
  readonly noEndpoint: number
  readonly inFlight: number
  readonly panic: boolean
  readonly retriesAvailable: number
  readonly latencyMs: LatencySummary
  readonly queue: QueueStats
  /** undefined: off. */
  readonly admissionControl: AdmissionControlStats | undefined
  readonly limits: LimitsStats
  readonly endpoints: Readonly<Record<string, EndpointStats>>
  /** Where further endpoints come from. */
  readonly sources: readonly SourceStats[]
}

/** What `balancer.stats()` gives: plain data, a copy. */
export interface BalancerStats {
  readonly engine: 'native' | 'fallback'
  readonly services: Readonly<Record<string, ServiceStats>>
}

/** Totals of slots: of one, of many, of some that are gone. */
export class Totals {
  succeeded = 0
  failed = 0
  cancelled = 0
  readonly latency = new Float64Array(HISTOGRAM_BUCKETS)
  /** Lines of `latency` with something in them. */
  lines = 0

  /** A slot below 0 is none. */
  addSlot(state: SharedState, slot: number): this {
    if (slot < 0) return this
    this.succeeded += state.total(slot, SLOT.SUCCEEDED)
    this.failed += state.total(slot, SLOT.FAILED)
    this.cancelled += state.total(slot, SLOT.CANCELLED)
    this.lines |= state.addHistogram(slot, this.latency)
    return this
  }

  add(other: Totals): this {
    this.succeeded += other.succeeded
    this.failed += other.failed
    this.cancelled += other.cancelled
    const end = endBucket(other.lines)
    for (let bucket = firstBucket(other.lines); bucket < end; bucket++)
      this.latency[bucket] += other.latency[bucket]
    this.lines |= other.lines
    return this
  }

  clear(): this {
    this.succeeded = 0
    this.failed = 0
    this.cancelled = 0
    this.latency.fill(0, firstBucket(this.lines), endBucket(this.lines))
    this.lines = 0
    return this
  }
}

export interface ObservedEndpoint {
  readonly id: string
  readonly slot: number
  readonly weight: number
  readonly zone: string
  readonly region: string
  readonly state: EndpointState
  readonly connections: ConnectionCounts
}

function endpointStats(
  state: SharedState,
  endpoint: ObservedEndpoint,
  totals: Totals,
  now: number,
  limits: Limits,
): EndpointStats {
  const { slot, weight, zone, region, connections } = endpoint
  const { succeeded, failed, cancelled, latency, lines } = totals
  const inFlight = state.get(slot, SLOT.IN_FLIGHT)
  const unanswered = state.unanswered(slot)
  return {
    requests: succeeded + failed + cancelled + unanswered,
    succeeded,
    failed,
    cancelled,
    inFlight,
    unanswered,
    adaptiveLimit: Math.max(0, -state.get(slot, SLOT.LIMIT)),
    limits: endpointLimits(state, slot, limits),
    state: endpoint.state,
    weight,
    zone,
    region,
    healthScore: state.getFloat(slot, SLOT.HEALTH_SCORE),
    averageLatencyMs: state.core.latency(slot, now),
    latencyMs: summarise(latency, lines),
    connections,
  }
}

export interface ObservedService {
  readonly index: number
  readonly endpoints: readonly ObservedEndpoint[]
  /** Slots of endpoints that are leaving: not listed, but counted. */
  readonly leaving: readonly number[]
  /** Totals of endpoints that have left. */
  readonly gone: Totals
  readonly panic: boolean
  readonly retriesAvailable: number
  /** `queue.limit` */
  readonly queueLimit: number
  readonly admissionControl: AdmissionControlStats | undefined
  readonly limits: Limits & { readonly perEndpoint: Limits }
  readonly sources: readonly SourceStats[]
}

function queueStats(state: SharedState, { index, queueLimit }: ObservedService): QueueStats {
  const word = (field: number) => Atomics.load(state.serviceWords(index), state.serviceField(index, field))
  const admitted = state.serviceTotal(index, SERVICE.ADMITTED)
  const waits = new Float64Array(HISTOGRAM_BUCKETS)
  // Of ten thousand services hardly one has a queue.
  for (let bucket = 0; admitted > 0 && bucket < HISTOGRAM_BUCKETS; bucket++)
    waits[bucket] = word(SERVICE.WAITS + bucket) >>> 0
  return {
    waiting: word(SERVICE.WAITING),
    limit: queueLimit,
    admitted,
    late: state.serviceTotal(index, SERVICE.LATE),
    left: state.serviceTotal(index, SERVICE.LEFT),
    refused: state.serviceTotal(index, SERVICE.REFUSED),
    waitMs: summarise(waits, admitted > 0 ? ALL_LINES : 0),
    wakeUps: word(SERVICE.WAKE_UPS) >>> 0,
    revoked: word(SERVICE.REVOKED) >>> 0,
    retries: word(SERVICE.RETRIES) >>> 0,
  }
}

/** A try that failed and was followed by another is no failed request: hence the subtractions. */
export function serviceStats(state: SharedState, service: ObservedService): ServiceStats {
  const sum = new Totals().add(service.gone)
  let inFlight = 0
  let unanswered = 0
  const endpoints: Record<string, EndpointStats> = Object.create(null)
  const now = state.core.now()
  const totals = new Totals()
  for (const endpoint of service.endpoints) {
    sum.add(totals.clear().addSlot(state, endpoint.slot))
    const stats = endpointStats(state, endpoint, totals, now, service.limits.perEndpoint)
    inFlight += stats.inFlight
    unanswered += stats.unanswered
    endpoints[endpoint.id] = stats
  }
  for (const slot of service.leaving) {
    sum.addSlot(state, slot)
    inFlight += state.get(slot, SLOT.IN_FLIGHT)
    unanswered += state.unanswered(slot)
  }
  const retried = state.serviceTotal(service.index, SERVICE.RETRIED)
  const cancelled = state.serviceTotal(service.index, SERVICE.RETRIED_CANCELLED)
  const succeeded = state.serviceTotal(service.index, SERVICE.RETRIED_SUCCEEDED)
  return {
    requests: sum.succeeded + sum.failed + sum.cancelled + unanswered - retried,
    succeeded: sum.succeeded - succeeded,
    failed: sum.failed - (retried - cancelled - succeeded),
    cancelled: sum.cancelled - cancelled,
    retried,
    overloaded: state.serviceTotal(service.index, SERVICE.OVERLOADED),
    noEndpoint: state.serviceTotal(service.index, SERVICE.NO_ENDPOINT),
    inFlight,
    panic: service.panic,
    retriesAvailable: service.retriesAvailable,
    latencyMs: summarise(sum.latency, sum.lines),
    queue: queueStats(state, service),
    admissionControl: service.admissionControl,
    limits: serviceLimits(state, service.index, inFlight, service.limits),
    endpoints,
    sources: service.sources,
  }
}
