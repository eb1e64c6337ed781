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

/** See `QueueLanes.obtain`. */
export function obtainCredit(memory: QueueMemory, lane: number, wanted: number): number {
  const { words, capacity } = memory
  for (;;) {
    const reserved = Atomics.load(words, QUEUE_HEADER.RESERVED) // (Q7)
    let popped = Atomics.load(words, QUEUE_HEADER.POPPED) // (Q8)
    let free = capacity - ((reserved - popped) | 0)
    if (free <= 0) {
      popped = sumOfHeads(memory)
      Atomics.store(words, QUEUE_HEADER.POPPED, popped) // (Q8)
      free = capacity - ((reserved - popped) | 0)
    }
    if (free > 0) {
      // A small share of what is free: the last credits should not lie about in lanes that do not need them.
      const grant = Math.min(free, Math.max(wanted, Math.min(QUEUE_SIZES.GRANT, free >>> 3)))
      if (
        Atomics.compareExchange(words, QUEUE_HEADER.RESERVED, reserved, (reserved + grant) | 0) !== reserved
      )
        continue
      const used = Math.min(wanted, grant)
      if (grant > used) Atomics.add(words, laneWord(lane) + LANE.CREDIT, grant - used) // (Q6)
      return used
    }
    const taken = takeUnused(memory, lane, wanted)
    if (taken > 0) return taken
    const nothingMoved =
      sumOfHeads(memory) === popped && Atomics.load(words, QUEUE_HEADER.RESERVED) === reserved
    if (nothingMoved) return 0
  }
}

/** Takes up to `wanted` credits from a lane that holds some. */
function takeUnused(memory: QueueMemory, own: number, wanted: number): number {
  const { words } = memory
  const used = Atomics.load(words, QUEUE_HEADER.LANES_USED)
  for (let i = 0; i < used; i++) {
    // Own credit may have been put there by nobody but this thread, which had none: it comes last, for completeness.
    const at = laneWord((own + 1 + i) % used) + LANE.CREDIT
    for (;;) {
      const credit = Atomics.load(words, at) // (Q6)
      const taken = Math.min(credit & COUNT, wanted)
      if (taken === 0) break
      if (Atomics.compareExchange(words, at, credit, credit - taken) === credit) return taken // (Q6)
    }
  }
  return 0
}

/** Items ever popped, modulo 2^32: at least what it was when the call began, at most what it is when the call ends. */
export function sumOfHeads(memory: QueueMemory): number {
  const { words } = memory
  const used = Atomics.load(words, QUEUE_HEADER.LANES_USED)
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
  Atomics.or(words, at + LANE.INTENT, 1) // (Q13)
  const credit = Atomics.exchange(words, at + LANE.CREDIT, tail << 16) // (Q6)
  const dropped = ((credit >>> 16) - tail) & COUNT
  Atomics.sub(words, QUEUE_HEADER.RESERVED, (credit & COUNT) + dropped) // (Q7)
  Atomics.add(words, at + LANE.INTENT, 1) // (Q13)
}

/** How often a repair looks again when threads were in the middle of something. */
const LOOKS = 1000

/**
 * Takes credits off the account that ended threads had in hand. Whatever RESERVED counts beyond what the lanes hold and
 * have accepted is theirs, at a moment at which no living thread has any in hand: INTENT tells. Several threads may do
 * this at once, and end in the middle of it: it is one exchange. False where no such moment was found; try again later.
 */
export function repairCredit({ words }: QueueMemory): boolean {
  const start = words[QUEUE_HEADER.START]
  for (let look = 0; look < LOOKS; look++) {
    const lanes = Atomics.load(words, QUEUE_HEADER.LANES_USED)
    const before = intents(words, lanes)
    const reserved = Atomics.load(words, QUEUE_HEADER.RESERVED) // (Q7)
    let held = 0
    for (let lane = 0; lane < lanes; lane++) {
      const at = laneWord(lane)
      const credit = Atomics.load(words, at + LANE.CREDIT) // (Q6)
      const tail = Atomics.load(words, at + LANE.TAIL)
      // CREDIT has 16 bits of the accepted position; TAIL, which may have moved on a little since, has the others.
      const accepted = tail + ((((credit >>> 16) - tail) << 16) >> 16)
      held = (held + (credit & COUNT) + accepted - start) | 0
    }
    const after = intents(words, lanes)
    if (before === undefined || before !== after || Atomics.load(words, QUEUE_HEADER.LANES_USED) !== lanes)
      continue
    const lost = (reserved - held) | 0
    if (lost === 0) return true
    if (Atomics.compareExchange(words, QUEUE_HEADER.RESERVED, reserved, (reserved - lost) | 0) === reserved)
      return true // (Q7)
  }
  return false
}

/** The lanes' INTENTs as a text; undefined while one is odd. */
function intents(words: Int32Array, lanes: number): string | undefined {
  let text = ''
  for (let lane = 0; lane < lanes; lane++) {
    const intent = Atomics.load(words, laneWord(lane) + LANE.INTENT) // (Q13)
    if ((intent & 1) === 1) return undefined
    text += `${intent},`
  }
  return text
}
