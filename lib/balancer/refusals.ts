import { SERVICE } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { NoEndpointError, OverloadedError } from '../errors.js'
import { stateOf } from '../health/filter.js'
import type { PickOptions } from '../model/index.js'
import type { ServiceView } from '../view/service-view.js'
import type { ServiceRuntime } from './service-runtime.js'

const LISTED_IN_ERRORS = 10

/** When to try again, where it is not known how long answers take, ms; and the least and the most that is said. */
const UNKNOWN_RETRY_MS = 100
const LEAST_RETRY_MS = 10
const MOST_RETRY_MS = 30_000

/**
 * The error of a request that is over a limit; counted.
 * @param answerMs what an answer takes; 0: unknown
 */
export function overloaded(state: SharedState, service: ServiceRuntime, why: string, answerMs = 0): Error {
  state.countService(service.index, SERVICE.OVERLOADED)
  return new OverloadedError(service.name, why, retryAfterMs(service, answerMs))
}

/** The error of a request that admission control has rejected, and why; counted. */
export function rejected(
  state: SharedState,
  { index, name }: ServiceRuntime,
  why: string,
  afterMs: number,
): Error {
  state.countService(index, SERVICE.OVERLOADED)
  return new OverloadedError(name, why, likely(afterMs))
}

const likely = (ms: number): number => Math.round(Math.min(MOST_RETRY_MS, Math.max(LEAST_RETRY_MS, ms)))

/** Until those that wait now have their places: n requests in flight of which each takes `answerMs` end at a rate of n/answerMs (Little). */
function retryAfterMs({ admission, configured }: ServiceRuntime, answerMs: number): number {
  const { inFlight } = configured
  if (answerMs === 0 || inFlight === 0) return UNKNOWN_RETRY_MS
  return likely(((admission.waiting + 1) * answerMs) / inFlight)
}

/** The error of a request that found no place: all usable endpoints are full, or there are none, and why. Counted. */
export function refusal(
  state: SharedState,
  service: ServiceRuntime,
  view: ServiceView,
  request: PickOptions,
): Error {
  const { name, members } = service
  const { subset } = request
  const { usable } = view.of(request)
  if (usable.length > 0) {
    const why = `all ${usable.length} usable endpoints are at their limits: limits.perEndpoint.maxRequests, or what they were found to take (limits.perEndpoint.adaptive)`
    return overloaded(state, service, why)
  }
  state.countService(service.index, SERVICE.NO_ENDPOINT)
  if (members.length === 0) return new NoEndpointError(name, 'it has no endpoints')
  if (view.hasNone(subset)) return new NoEndpointError(name, noSubset(subset))
  const listed = members
    .slice(0, LISTED_IN_ERRORS)
    .map(({ endpoint, slot }) => `${endpoint.id} is ${stateOf(state, slot)}`)
  const more = members.length > LISTED_IN_ERRORS ? `, ... (${members.length} in all)` : ''
  return new NoEndpointError(name, listed.join(', ') + more)
}

function noSubset(subset: PickOptions['subset']): string {
  const asked =
    subset === undefined
      ? 'the request names no `subset`'
      : `no endpoint is in the subset ${JSON.stringify(subset)}`
  return `${asked}, and \`subsets.fallback\` has none either`
}
