/**
 * Exact capacity, shared by all threads. A *credit* is the right to accept one item; there are `capacity` of them. The
 * common stock holds `capacity - (RESERVED - POPPED)`; a lane takes up to a block's worth at once, so that most items cost
 * no shared operation. Items that are read give their credit back by the mere move of HEAD: what was popped is the sum
 * of the HEADs, and POPPED only remembers what that sum was.
 *
 * When the stock is empty, unused credits of other lanes are taken. Only a producer that finds no credit anywhere, while
 * no item was popped in the meantime, refuses: then the queue was full at the moment of its last look.
 */
import { LANE, laneWord, QUEUE_HEADER, QUEUE_SIZES } from './layout.js'
import type { QueueMemory } from './memory.js'

const COUNT = 0xffff
const POSITION_SHIFT = 16

/** See `QueueLanes.obtain`. */
export function obtainCredit(memory: QueueMemory, lane: number, wanted: number): number {
  const { words, capacity } = memory
  for (;;) {
    const reserved = Atomics.load(words, QUEUE_HEADER.RESERVED) // (Q7) credits out of the stock
    let popped = Atomics.load(words, QUEUE_HEADER.POPPED) // (Q8) a lower bound of what was popped
    let free = (capacity - (reserved - popped)) | 0
    if (free <= 0) {
      popped = sumOfHeads(memory)
      Atomics.store(words, QUEUE_HEADER.POPPED, popped) // (Q8) an older one only makes others look again
      free = (capacity - (reserved - popped)) | 0
    }
    if (free > 0) {
      // A small share of what is free: the last credits should not lie about in lanes that do not need them.
      const grant = Math.min(free, Math.max(wanted, Math.min(QUEUE_SIZES.GRANT, free >>> 3)))
      const used = Math.min(wanted, grant)
      const more = (used << POSITION_SHIFT) + grant - used
      // (Q7) Never more than `capacity` out.
      if (move(words, lane, QUEUE_HEADER.RESERVED, reserved, (reserved + grant) | 0, more)) return used
      continue
    }
    const taken = takeUnused(memory, lane, wanted)
    if (taken > 0) return taken
    const nothingMoved =
      sumOfHeads(memory) === popped && Atomics.load(words, QUEUE_HEADER.RESERVED) === reserved
    if (nothingMoved) return 0
  }
}

/** Accepts up to `wanted` items with the credits of a lane that holds some. */
function takeUnused(memory: QueueMemory, own: number, wanted: number): number {
  const { words } = memory
  const used = memory.lanesUsed()
  for (let i = 0; i < used; i++) {
    // Own credit may have been put there by nobody but this thread, which had none: it comes last, for completeness.
    const at = laneWord((own + 1 + i) % used) + LANE.CREDIT
    for (;;) {
      const credit = Atomics.load(words, at) // (Q6) a guess, which the exchange checks
      const taken = Math.min(credit & COUNT, wanted)
      if (taken === 0) break
      // (Q6) A credit is spent once.
      if (move(words, own, at, credit, credit - taken, taken << POSITION_SHIFT)) return taken
    }
  }
  return 0
}

/**
 * Takes credits out of one word, by exchange, and puts them into an own lane's CREDIT. A thread that ends between the two
 * leaves INTENT odd. It is even while a thread only looks for credit, or the repair might never find a quiet moment.
 */
function move(
  words: Int32Array,
  lane: number,
  from: number,
  seen: number,
  left: number,
  credit: number,
): boolean {
  const at = laneWord(lane)
  Atomics.add(words, at + LANE.INTENT, 1) // (Q13) odd: credits are in hand
  const taken = Atomics.compareExchange(words, from, seen, left) === seen
  if (taken) Atomics.add(words, at + LANE.CREDIT, credit) // (Q6) in one step with the position
  Atomics.add(words, at + LANE.INTENT, 1) // (Q13) even: nothing is in hand
  return taken
}

/** Items ever popped, modulo 2^32: at least what it was when the call began, at most what it is when the call ends. */
export function sumOfHeads(memory: QueueMemory): number {
  const { words } = memory
  const used = memory.lanesUsed()
  let sum = 0
  for (let lane = 0; lane < used; lane++) sum = (sum + Atomics.load(words, laneWord(lane) + LANE.HEAD)) | 0
  return (sum - Math.imul(used, words[QUEUE_HEADER.START])) | 0
}

/** Gives back what a lane holds and takes what it has accepted but not published out of the account. */
export function returnCredit(memory: QueueMemory, lane: number): void {
  const { words } = memory
  const at = laneWord(lane)
  const tail = Atomics.load(words, at + LANE.TAIL)
  // Odd already where a thread that has ended left it so.
  Atomics.or(words, at + LANE.INTENT, 1) // (Q13) odd: credits are in hand
  // (Q6) Credits and unpublished items, in one step.
  const credit = Atomics.exchange(words, at + LANE.CREDIT, tail << 16)
  const dropped = ((credit >>> 16) - tail) & COUNT
  Atomics.sub(words, QUEUE_HEADER.RESERVED, (credit & COUNT) + dropped) // (Q7) back to the stock
  Atomics.add(words, at + LANE.INTENT, 1) // (Q13) even: nothing is in hand
}
