/** What a slot has room for, by its words LIMIT and MOST. The addon's `hasPlace` (src/core.cpp) is the same. */
import type { Segment } from './contract.js'
import { CONCURRENCY, concurrencyWord, SEGMENT_SLOTS, SLOT, SLOT_FLAGS } from './layout.js'

/** Whether a slot with this many requests in flight takes one more. `at`: its first word. */
export function hasPlace(cells: Int32Array, at: number, inFlight: number, limit: number): boolean {
  if (limit >= 0) return limit === 0 || inFlight < limit
  const most = cells[at + SLOT.MOST] // (C12) a setting of a moment ago will do
  // (C15) A guess: of what was found out one more does no harm, while MOST holds exactly.
  return inFlight - cells[at + SLOT.OPEN] < -limit && (most === 0 || inFlight < most)
}

/** Requests that a slot takes now, up to `enough`. `at`: its first word. */
export function placesAt(cells: Int32Array, at: number, enough: number): number {
  const limit = cells[at + SLOT.LIMIT]
  if (limit === 0) return enough
  const inFlight = cells[at + SLOT.IN_FLIGHT]
  if (limit > 0) return Math.max(0, Math.min(enough, limit - inFlight))
  const most = cells[at + SLOT.MOST]
  const unanswered = inFlight - cells[at + SLOT.OPEN]
  return Math.max(0, Math.min(enough, -limit - unanswered, most === 0 ? enough : most - inFlight))
}

/**
 * Makes LIMIT of what the configuration says and what was found out. To be called by whoever has changed either. Of two at once the
 * last to write looks whether it has written what stands there now. (S6)
 */
export function publishLimit({ cells, concurrency }: Segment, slot: number): void {
  const at = (slot & (SEGMENT_SLOTS - 1)) * SLOT.WORDS
  const record = concurrencyWord(slot)
  const limit = (): number => {
    const most = Atomics.load(cells, at + SLOT.MOST) // (S6) before LIMIT is written
    const found = Atomics.load(concurrency, record + CONCURRENCY.LIMIT)
    const isFound = found > 0 && (cells[at + SLOT.FLAGS] & SLOT_FLAGS.ADAPTIVE) !== 0
    return isFound ? -(found + Atomics.load(concurrency, record + CONCURRENCY.OVERDUE)) : most
  }
  for (let next = limit(); ; ) {
    Atomics.store(cells, at + SLOT.LIMIT, next) // (S6) then look again
    const again = limit()
    if (again === next) return
    next = again
  }
}
