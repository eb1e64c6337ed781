import { SLOT } from '../engine/layout.js'
import type { PolicyView } from './policy.js'

/** In-flight count that stands for "full" where an endpoint has no limit of its own (Envoy's default limit). */
const FULL_IN_FLIGHT = 1024
/** Latency that stands for "as slow as it gets". */
const SLOW_MS = 1000

/** The three shares, each 0 (worst) to 1 (best), that `resource-based` and `adaptive` add up. */
export interface Shares {
  health(slot: number): number
  room(slot: number): number
  speed(slot: number, now: number): number
}

export function sharesOf({ state }: PolicyView): Shares {
  return {
    health: (slot) => state.getFloat(slot, SLOT.HEALTH_SCORE),
    room: (slot) => {
      const limit = state.peek(slot, SLOT.LIMIT) || FULL_IN_FLIGHT
      return Math.max(0, 1 - state.peek(slot, SLOT.IN_FLIGHT) / limit)
    },
    speed: (slot, now) => Math.max(0, 1 - state.core.latency(slot, now) / SLOW_MS),
  }
}
