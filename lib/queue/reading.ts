import { load } from '../engine/ordering.js'
import { LANE, laneWord, QUEUE_HEADER } from './layout.js'
import type { QueueMemory } from './memory.js'
import { takeUpProbe } from './time-in-queue.js'

/** Below this many items a loop is faster than a view on the block and `set`, which allocates the view. */
const LOOP_ITEMS = 48
const NOTHING = new Uint32Array(0)

/** What is done with items before they are this thread's: they are copied, or their block is held. */
export interface Taker {
  /**
   * Takes up to `count` items from item `from` of the blocks on, all of one block; returns how many. It is called again
   * where another thread got them: what it took before is worth nothing then.
   */
  take(memory: QueueMemory, from: number, count: number): number
}

/** Copies tickets to `out`, from `at` on. */
export class TicketCopy implements Taker {
  out: Uint32Array = NOTHING
  at = 0

  take({ items }: QueueMemory, from: number, count: number): number {
    const { out, at } = this
    if (count < LOOP_ITEMS) for (let i = 0; i < count; i++) out[at + i] = items[from + i]
    else out.set(items.subarray(from, from + count), at)
    return count
  }
}

/**
 * Reads up to `wanted` items of a lane, not beyond the end of a block; returns how many.
 *
 * The items are taken first and become this thread's by moving HEAD afterwards. Until HEAD has moved, the producer cannot
 * reuse their block; if it has moved, what was taken is worth nothing and is taken again. So a thread may end anywhere in
 * here: either nothing has happened, or the items were handed over. Lock-free: a retry means that another thread got items.
 */
export function readLane(memory: QueueMemory, lane: number, wanted: number, taker: Taker): number {
  const { words, blockShift, blockMask } = memory
  const base = laneWord(lane)
  const head = base + LANE.HEAD
  let position = words[head] // (Q1) a guess, which the exchange checks: never ahead of what it is
  for (;;) {
    const readable = readableFrom(words, base, position)
    if (readable <= 0) return 0
    const offset = position & blockMask
    const most = Math.min(readable, wanted, blockMask + 1 - offset)
    // (Q4) torn if late: then the exchange fails
    const count = taker.take(memory, (memory.blockAt(lane, position) << blockShift) + offset, most)
    // (Q3) Of all that took these, one gets them.
    const before = Atomics.compareExchange(words, head, position, (position + count) | 0)
    if (before === position) {
      if ((words[base + LANE.PROBE] - position) >>> 0 < count) takeUpProbe(memory, base, position, count)
      return count
    }
    position = before
    Atomics.add(words, head + (LANE.RETRIES - LANE.HEAD), 1)
  }
}

/** Fills `out` from the first lane, block by block; returns how many. For queues of which no other lane was ever used. */
export function readOnlyLane(memory: QueueMemory, out: Uint32Array, copy: TicketCopy): number {
  copy.out = out
  copy.at = 0
  for (let read = 1; read > 0 && copy.at < out.length; copy.at += read)
    read = readLane(memory, 0, out.length - copy.at, copy)
  copy.out = NOTHING
  return copy.at
}

/** Items of a lane from a position on; `base` is the lane's first word. */
export function readableFrom(words: Int32Array, base: number, position: number): number {
  const readable = (load(words, base + LANE.TAIL) - position) | 0 // (Q2) with TAIL come the items before it
  // Nothing is said for certain only: a caller may look again and again, and nothing else.
  return readable > 0 ? readable : (Atomics.load(words, base + LANE.TAIL) - position) | 0
}

/**
 * True where the lane has something to read: by the same measure as reading, or whoever waits would look again and again
 * at a lane whose HEAD was damaged, and is beyond TAIL.
 */
export function isReadable(memory: QueueMemory, lane: number): boolean {
  const at = laneWord(lane)
  const head = Atomics.load(memory.words, at + LANE.HEAD)
  return ((Atomics.load(memory.words, at + LANE.TAIL) - head) | 0) > 0
}

/** True where any lane has something to read. Sequentially consistent: for who is about to sleep. */
export function isAnyReadable(memory: QueueMemory): boolean {
  const lanes = memory.lanesUsed()
  for (let lane = 0; lane < lanes; lane++) if (isReadable(memory, lane)) return true
  return false
}

/** True where the queue is closed, and nothing that was accepted is left. */
export function isEnded(memory: QueueMemory): boolean {
  const { words } = memory
  if (Atomics.load(words, QUEUE_HEADER.CLOSED) === 0) return false
  const lanes = memory.lanesUsed()
  for (let lane = 0; lane < lanes; lane++) {
    if (isReadable(memory, lane) || memory.unpublished(laneWord(lane)) !== 0) return false
  }
  return true
}
