import type { QueueLanes } from './lanes.js'
import { LANE, laneWord } from './layout.js'
import { anyAsleep, seemsAsleep } from './sleepers.js'
import { offerProbe, sampleForSleepers } from './time-in-queue.js'
import { wakeOne } from './waking.js'

/** The halves of a lane's CREDIT: credits, and the position after the last accepted item. */
export const COUNT = 0xffff
export const POSITION_SHIFT = 16
/** Added to CREDIT: one credit less, one accepted item more. */
export const ACCEPT_ONE = (1 << POSITION_SHIFT) - 1
/** Below this many items a loop is faster than a call of `set`. */
const LOOP_ITEMS = 32

/**
 * Accepts items into an own lane until the queue is full, and publishes every block that gets full; returns how many.
 * What is not published by then, `publish` publishes.
 *
 * TAIL, and the high half of CREDIT, are written by the lane's owner only, so it reads them by plain loads; a credit that
 * another producer has taken meanwhile shows in the exchange.
 */
export function writeLane(lanes: QueueLanes, lane: number, source: Uint32Array): number {
  const { memory } = lanes
  const { words, items, blockShift, blockMask } = memory
  const at = laneWord(lane)
  let next = 0
  while (next < source.length) {
    const accepted = words[at + LANE.CREDIT] >>> POSITION_SHIFT
    if (accepted === (words[at + LANE.BLOCK_END] & COUNT) && !lanes.openBlock(lane)) break
    const offset = accepted & blockMask
    const count = spend(lanes, lane, Math.min(source.length - next, blockMask + 1 - offset))
    if (count === 0) break
    const to = (memory.ownBlock(at) << blockShift) + offset
    if (count < LOOP_ITEMS) for (let i = 0; i < count; i++) items[to + i] = source[next + i]
    else items.set(count === source.length ? source : source.subarray(next, next + count), to)
    next += count
    if (offset + count > blockMask) publish(lanes, lane)
  }
  return next
}

/** Turns up to `count` credits into accepted items: the lane's own or, where it has none, new ones. */
export function spend(lanes: QueueLanes, lane: number, count: number): number {
  const { words } = lanes.memory
  const at = laneWord(lane) + LANE.CREDIT
  let credit = words[at] // (Q6) a guess, which the exchange checks
  for (;;) {
    const spent = Math.min(credit & COUNT, count)
    if (spent === 0) return lanes.obtain(lane, count)
    const next = (credit + (spent << POSITION_SHIFT) - spent) | 0
    // (Q6) The items are accepted: a credit is spent once.
    const before = Atomics.compareExchange(words, at, credit, next)
    if (before === credit) return spent
    credit = before
  }
}

/** Makes everything that was accepted into an own lane readable for every thread. */
export function publish(lanes: QueueLanes, lane: number): void {
  const { memory } = lanes
  const { words } = memory
  const at = laneWord(lane)
  const published = words[at + LANE.TAIL]
  const unpublished = ((words[at + LANE.CREDIT] >>> POSITION_SHIFT) - published) & COUNT
  if (unpublished === 0) return
  const tail = (published + unpublished) | 0
  // Positions wrap at the end of a block, and a block is published before the next is begun.
  if (tail === 0) words[at + LANE.WRAPS]++
  const isProbeDue = ((tail - words[at + LANE.PROBE_DUE]) | 0) >= 0
  // A sleeper should not wait for the clock.
  const offersLate = isProbeDue && seemsAsleep(memory)
  if (isProbeDue && !offersLate) offerProbe(memory, at, tail)
  Atomics.store(words, at + LANE.TAIL, tail) // (Q2) who sees TAIL sees the items
  // First of all, since a sleeper takes its time to wake; it also finds what is not announced yet.
  const woken = anyAsleep(memory) && wakeOne(lanes)
  if (offersLate) offerProbe(memory, at, tail)
  if (woken) sampleForSleepers(memory, at, tail, isProbeDue)
  lanes.announce(lane)
}
