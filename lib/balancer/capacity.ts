/** What the endpoints that a service may use have room for, and how long they take: for requests that wait. */
import type { AdaptiveLimits } from '../admission/adaptive-limits.js'
import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { EJECTION } from '../health/passive/ejection-words.js'
import type { Member } from '../topology/member.js'
import type { ServiceView } from '../view/service-view.js'

/** Endpoints whose latencies say what an answer takes. */
/** What an answer is taken to take until there is one, ms: Linkerd's first round trip, as in `peak-ewma`. */
const FIRST_MS = 30
const LOOKED_AT = 16

/** Whether an endpoint takes one more request. */
export const hasRoom = (state: SharedState, { slot }: Member): boolean => state.places(slot, 1) > 0

/** Free places of the endpoints, counted up to `most`. One that waits for its probe takes one request. */
export function freePlaces(
  state: SharedState,
  { usable, awaitingProbe }: ServiceView['whole'],
  most: number,
): number {
  let free = 0
  for (const { slot } of usable) {
    if (free >= most) return most
    free += state.places(slot, most)
  }
  for (const { slot } of awaitingProbe)
    if (state.peek(slot, SLOT.EJECTION) === EJECTION.AWAITING_PROBE) free++
  return Math.min(free, most)
}

/** What answers take, ms; 0: unknown. */
export interface AnswerTimes {
  /** With few requests in flight. */
  readonly baseMs: number
  /** Now. */
  readonly meanMs: number
}

/**
 * Of the quickest of a few endpoints. By what was answered alone: while nothing is answered they say what an answer took, and no
 * silence makes waits longer. Where limits are not adaptive both are the average of the policies.
 */
export function answerTimes(
  state: SharedState,
  limits: AdaptiveLimits,
  usable: readonly Member[],
): AnswerTimes {
  let baseMs = 0
  let meanMs = 0
  for (let i = 0; i < usable.length && i < LOOKED_AT; i++) {
    const { slot } = usable[i]
    // The high word of the two is the average.
    const average = state.getFloat(slot, SLOT.LATENCY + 1)
    // Where it is measured and not known yet nothing was answered: the average is of silence, and grows with it.
    const unknown = limits.isOn(slot) ? Math.min(FIRST_MS, average) : average
    baseMs = least(baseMs, limits.baseMs(slot) || unknown)
    meanMs = least(meanMs, limits.meanMs(slot) || average)
  }
  return { baseMs, meanMs }
}

/** The lesser of two of which 0 is unknown. */
const least = (a: number, b: number): number => (a === 0 || (b > 0 && b < a) ? b : a)
