import type { QueueLanes } from './lanes.js'
import { LANE, laneWord } from './layout.js'
import { anyAsleep } from './sleepers.js'
import { wakeOne } from './waking.js'

const COUNT = 0xffff
const POSITION_SHIFT = 16

/**
 * Accepts items from `from` on into an own lane and publishes every block that gets full; returns how many it accepted.
 * What is not published by then, `publish` publishes.
 */
export function writeLane(lanes: QueueLanes, lane: number, source: Uint32Array, from: number): number {
  const { words, items, blockShift, blockMask } = lanes.memory
  const at = laneWord(lane)
  let next = from
  while (next < source.length) {
    const accepted = Atomics.load(words, at + LANE.CREDIT) >>> POSITION_SHIFT
    if (accepted === (words[at + LANE.BLOCK_END] & COUNT) && !lanes.openBlock(lane)) break
    const offset = accepted & blockMask
    const count = spend(lanes, lane, Math.min(source.length - next, blockMask + 1 - offset))
    if (count === 0) break
    items.set(
      next === 0 && count === source.length ? source : source.subarray(next, next + count),
      (words[at + LANE.BLOCK] << blockShift) + offset,
    )
    next += count
    if (offset + count > blockMask) publish(lanes, lane)
  }
  return next - from
}

/** Turns up to `count` credits into accepted items: the lane's own or, where it has none, new ones. */
function spend(lanes: QueueLanes, lane: number, count: number): number {
  const { words } = lanes.memory
  const at = laneWord(lane) + LANE.CREDIT
  for (;;) {
    const credit = Atomics.load(words, at) // (Q6)
    const spent = Math.min(credit & COUNT, count)
    if (spent === 0) {
      const intent = laneWord(lane) + LANE.INTENT
      Atomics.add(words, intent, 1) // (Q13)
      const obtained = lanes.obtain(lane, count)
      if (obtained > 0) Atomics.add(words, at, obtained << POSITION_SHIFT) // (Q6)
      Atomics.add(words, intent, 1) // (Q13)
      return obtained
    }
    const next = (credit + (spent << POSITION_SHIFT) - spent) | 0
    if (Atomics.compareExchange(words, at, credit, next) === credit) return spent // (Q6)
  }
}

/** Makes everything that was accepted into an own lane readable for every thread. */
export function publish(lanes: QueueLanes, lane: number): void {
  const { memory } = lanes
  const { words } = memory
  const at = laneWord(lane)
  const unpublished = memory.unpublished(at)
  if (unpublished === 0) return
  const tail = (words[at + LANE.TAIL] + unpublished) | 0
  // Positions wrap at the end of a block, and a block is published before the next is begun.
  if (tail === 0) words[at + LANE.WRAPS]++
  Atomics.store(words, at + LANE.TAIL, tail) // (Q2)
  // First of all, since a sleeper takes its time to wake; it also finds what is not announced yet.
  if (anyAsleep(memory)) wakeOne(lanes)
  lanes.announce(lane)
}
