/** What the endpoints that a service may use have room for, and how long they take: for requests that wait. */
import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { EJECTION } from '../health/passive/ejection-words.js'
import type { Member } from '../topology/member.js'
import type { ServiceView } from '../view/service-view.js'

/** Endpoints whose latencies say what an answer takes. */
const LOOKED_AT = 16

/** Whether an endpoint takes one more request. */
export function hasRoom(state: SharedState, { slot }: Member): boolean {
  const limit = state.peek(slot, SLOT.LIMIT)
  return limit === 0 || state.peek(slot, SLOT.IN_FLIGHT) < limit
}

/** Free places of the endpoints, counted up to `most`. One that waits for its probe takes one request. */
export function freePlaces(
  state: SharedState,
  { usable, awaitingProbe }: ServiceView['whole'],
  most: number,
): number {
  let free = 0
  for (const { slot } of usable) {
    if (free >= most) return most
    const limit = state.peek(slot, SLOT.LIMIT)
    if (limit === 0) return most
    free += Math.max(0, limit - state.peek(slot, SLOT.IN_FLIGHT))
  }
  for (const { slot } of awaitingProbe)
    if (state.peek(slot, SLOT.EJECTION) === EJECTION.AWAITING_PROBE) free++
  return Math.min(free, most)
}

/**
 * What an answer takes of the quickest of a few endpoints, ms; 0: unknown. By the averages alone: while nothing is answered they say
 * what an answer took, and no silence makes waits longer.
 */
export function answerMs(state: SharedState, usable: readonly Member[]): number {
  let least = 0
  for (let i = 0; i < usable.length && i < LOOKED_AT; i++) {
    // The high word of the two is the average.
    const ms = state.getFloat(usable[i].slot, SLOT.LATENCY + 1)
    if (ms > 0 && (least === 0 || ms < least)) least = ms
  }
  return least
}
