import { areAlikeAtRest } from '../engine/choice.js'
import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
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
      const inFlight = state.peek(slot, SLOT.IN_FLIGHT)
      // Below 0 it counts unanswered requests.
      if (limit < 0) return Math.max(0, 1 + (inFlight - state.peek(slot, SLOT.OPEN)) / limit)
      return Math.max(0, 1 - inFlight / limit)
    },
  }
}

/**
 * The highest score wins: `rest`, and `speedShare` of how far the latency is below a second. At rest, latencies that are
 * near count as equal, as they do for the engines: only what is better by `rest` as well is better then.
 */
export class ByScore implements Comparison {
  readonly #state: SharedState
  readonly #slots: Uint32Array
  readonly #speedShare: number
  readonly #restOf: (slot: number) => number
  #latency = 0
  #inFlight = 0
  #rest = 0
  #score = 0

  constructor({ state, slots }: PolicyView, speedShare: number, rest: (slot: number) => number) {
    this.#state = state
    this.#slots = slots
    this.#speedShare = speedShare
    this.#restOf = rest
  }

  begin(position: number, now: number): void {
    this.#score = Number.NEGATIVE_INFINITY
    this.#rest = Number.NEGATIVE_INFINITY
    this.meets(position, now)
  }

  meets(position: number, now: number): boolean {
    const slot = this.#slots[position]
    const rest = this.#restOf(slot)
    const latency = this.#state.core.latency(slot, now)
    const score = rest + this.#speedShare * Math.max(0, 1 - latency / SLOW_MS)
    if (!(score > this.#score)) return false
    const inFlight = this.#state.peek(slot, SLOT.IN_FLIGHT)
    const isBetter = rest > this.#rest || !areAlikeAtRest(this.#latency, latency, this.#inFlight, inFlight)
    if (!isBetter) return false
    this.#latency = latency
    this.#inFlight = inFlight
    this.#rest = rest
    this.#score = score
    return true
  }
}
