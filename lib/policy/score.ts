import { areAlikeAtRest } from '../engine/choice.js'
import { SLOT } from '../engine/layout.js'
import type { Comparison } from './choose.js'
import type { PolicyView } from './policy.js'

/** In-flight count that stands for "full" where an endpoint has no limit of its own (Envoy's default limit). */
const FULL_IN_FLIGHT = 1024
/** Latency that stands for "as slow as it gets". */
const SLOW_MS = 1000

/** What `resource-based` and `adaptive` add up besides latency, each 0 (worst) to 1 (best). */
export interface Shares {
  health(slot: number): number
  room(slot: number): number
}

export function sharesOf({ state }: PolicyView): Shares {
  return {
    health: (slot) => state.getFloat(slot, SLOT.HEALTH_SCORE),
    room: (slot) => {
      const limit = state.peek(slot, SLOT.LIMIT) || FULL_IN_FLIGHT
      return Math.max(0, 1 - state.peek(slot, SLOT.IN_FLIGHT) / limit)
    },
  }
}

const speed = (latencyMs: number): number => Math.max(0, 1 - latencyMs / SLOW_MS)

/**
 * The highest score wins: `rest`, and `speedShare` of how far the latency is below a second. At rest, latencies that are
 * near count as equal, as they do for the engines.
 */
export function byScore(
  { state }: PolicyView,
  speedShare: number,
  rest: (slot: number) => number,
): Comparison {
  return {
    latency: (slot, now) => state.core.latency(slot, now),
    inFlight: (slot) => state.peek(slot, SLOT.IN_FLIGHT),
    worth: rest,
    leaves: (latencyFirst, latencySecond, inFlightFirst, inFlightSecond, restFirst, restSecond) =>
      areAlikeAtRest(latencyFirst, latencySecond, inFlightFirst, inFlightSecond)
        ? restSecond > restFirst
        : restSecond + speedShare * speed(latencySecond) > restFirst + speedShare * speed(latencyFirst),
  }
}
