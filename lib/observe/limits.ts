/** How much of each limit is used: gauges, over all threads. */
import { SERVICE, SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'

/** One limit. */
export interface LimitStats {
  /** What counts now. */
  readonly used: number
  /** What is allowed; 0: there is no limit. */
  readonly max: number
  /** What may come beside what is used; `Infinity` where there is no limit. */
  readonly remaining: number
}

/** The limits of an endpoint, or of a service as a whole. */
export interface LimitsStats {
  /** Requests in flight. An endpoint's `remaining` is also bounded by what it was found to take (`adaptiveLimit`). */
  readonly requests: LimitStats
  /** Connections of fairlead's own, open or being opened; none over a dispatcher of your own. */
  readonly connections: LimitStats
  /** Requests that wait for one of those. */
  readonly pending: LimitStats
  /** Further tries under way, the wait before them included. */
  readonly retries: LimitStats
}

/** `limits` or `limits.perEndpoint` of a service. */
export interface Limits {
  readonly maxRequests: number
  readonly maxConnections: number
  readonly maxPending: number
  readonly maxRetries: number
}

const limitOf = (used: number, max: number): LimitStats => ({
  used,
  max,
  remaining: max === 0 ? Number.POSITIVE_INFINITY : Math.max(0, max - used),
})

export function endpointLimits(state: SharedState, slot: number, limits: Limits): LimitsStats {
  const used = (field: number) => state.get(slot, field)
  return {
    requests: {
      used: used(SLOT.IN_FLIGHT),
      max: used(SLOT.MOST),
      remaining: state.places(slot, Number.POSITIVE_INFINITY),
    },
    connections: limitOf(used(SLOT.CONNECTIONS), limits.maxConnections),
    pending: limitOf(used(SLOT.PENDING), limits.maxPending),
    retries: limitOf(used(SLOT.ACTIVE_RETRIES), limits.maxRetries),
  }
}

/** @param inFlight requests to all of its endpoints */
export function serviceLimits(
  state: SharedState,
  service: number,
  inFlight: number,
  limits: Limits,
): LimitsStats {
  const used = (field: number) =>
    Atomics.load(state.serviceWords(service), state.serviceField(service, field))
  return {
    requests: limitOf(inFlight, limits.maxRequests),
    connections: limitOf(used(SERVICE.CONNECTIONS), limits.maxConnections),
    pending: limitOf(used(SERVICE.PENDING), limits.maxPending),
    retries: limitOf(used(SERVICE.ACTIVE_RETRIES), limits.maxRetries),
  }
}
