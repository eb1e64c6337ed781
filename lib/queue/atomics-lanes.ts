/**
 * The fallback engine of queues: everything on `Atomics`. Readable lanes are found by looking at each in turn; free
 * blocks stay where they were read empty until a producer takes them back, so consumers have nothing to do for them.
 */

import { obtainCredit, returnCredit } from './credits.js'
import { isHeld } from './holders.js'
import { freeLane, takeLane } from './lane-table.js'
import type { QueueLanes } from './lanes.js'
import { LANE, laneWord, QUEUE_HEADER, QUEUE_SIZES } from './layout.js'
import type { QueueMemory } from './memory.js'
import { type Notifier, waitAsyncNotifier } from './notifier.js'
import { takeOver } from './ownership.js'
import { repairBlock, repairCredit } from './repair.js'
import { mark } from './sleepers.js'

/** How often a search for a free block starts again when others were quicker. */
const SEARCHES = 1000

/** What both kinds of queue have in common. */
export abstract class AtomicsLanes implements QueueLanes {
  readonly memory: QueueMemory
  /** The lane that is read next. */
  #next = 0

  constructor(memory: QueueMemory) {
    this.memory = memory
  }

  takeLane(): number {
    return takeLane(this.memory)
  }

  releaseLane(lane: number): void {
    returnCredit(this.memory, lane)
    freeLane(this.memory, lane)
  }

  reap(): boolean {
    const { words } = this.memory
    // Not only those in use: a thread may end before it has counted its lane among them.
    for (let lane = 0; lane < QUEUE_SIZES.LANES; lane++) {
      const at = laneWord(lane)
      if (takeOver(words, at + LANE.OWNER, at + LANE.LINEAGE)) this.releaseLane(lane)
    }
    return repairCredit(this.memory)
  }

  openNotifier(waiter: number, onNotify: () => void): Notifier {
    return waitAsyncNotifier(this.memory, waiter, onNotify)
  }

  notify(waiter: number): void {
    mark(this.memory, waiter)
  }

  obtain(lane: number, wanted: number): number {
    return obtainCredit(this.memory, lane, wanted)
  }

  openBlock(lane: number): boolean {
    for (let search = 0; search < SEARCHES; search++) {
      if (this.#claimAny(lane)) return true
      // Others may be about to enter a block, or have ended with one in hand.
      repairBlock(this.memory)
    }
    return false
  }

  announce(): void {}

  /** Reads up to `wanted` items, not beyond the end of a block; returns how many. `taken` were read before in this call. */
  protected abstract read(lane: number, taken: number, wanted: number): number

  /** Reads up to `wanted` items from all lanes in turn; returns how many. */
  protected readInTurn(wanted: number): number {
    const lanes = this.#lanesUsed()
    let count = 0
    let empty = 0
    while (count < wanted && empty < lanes) {
      if (this.#next >= lanes) this.#next = 0
      const read = this.read(this.#next, count, wanted - count)
      if (read === 0) empty++
      else {
        empty = 0
        count += read
      }
      if (count < wanted || this.#isAtBlockEnd()) this.#next++
    }
    return count
  }

  /** Calls `read` for each lane in turn until it has read something; returns how much. */
  protected readFirst(read: (lane: number) => number): number {
    const lanes = this.#lanesUsed()
    let count = 0
    for (let looks = 0; looks < lanes && count === 0; looks++) {
      if (this.#next >= lanes) this.#next = 0
      count = read(this.#next)
      if (count === 0 || this.#isAtBlockEnd()) this.#next++
    }
    return count
  }

  /** Plain: a lane that was taken this moment is found by the next call. But not 0, or nothing that others write would be looked at. */
  #lanesUsed(): number {
    const seen = this.memory.words[QUEUE_HEADER.LANES_USED]
    return seen > 0 && seen <= QUEUE_SIZES.LANES ? seen : this.memory.lanesUsed()
  }

  /** On to the next lane after each block, so that no producer starves the others; a part-read block is finished first. */
  #isAtBlockEnd(): boolean {
    return (this.memory.words[laneWord(this.#next) + LANE.HEAD] & this.memory.blockMask) === 0
  }

  /**
   * Opens a block that nobody uses: one of the lane's own that was read empty, else one never used, else another lane's, else
   * one that lies behind a block that is held. What is passed over is found by the repair once it is let go.
   */
  #claimAny(lane: number): boolean {
    const { words, blocks } = this.memory
    if (this.#claimRead(lane, lane)) return true
    for (;;) {
      const unused = Atomics.load(words, QUEUE_HEADER.FIRST_UNUSED)
      if (unused >>> 0 >= blocks) break
      // (Q10) Each block is first given out once.
      if (this.#claim(lane, QUEUE_HEADER.FIRST_UNUSED, unused, unused + 1, unused)) return true
    }
    const spare = Atomics.load(words, QUEUE_HEADER.SPARE_BLOCK)
    // (Q16) A block that was found is given out once.
    if (spare !== 0 && this.#claim(lane, QUEUE_HEADER.SPARE_BLOCK, spare, 0, spare - 1)) return true
    const lanes = this.memory.lanesUsed()
    for (let other = 0; other < lanes; other++) if (this.#claimRead(other, lane)) return true
    for (let other = 0; other < lanes; other++) {
      this.#passHeld(other)
      if (this.#claimRead(other, lane)) return true
    }
    return false
  }

  /** Opens the oldest block of lane `from` in lane `to`, if it was read empty and nobody holds it. */
  #claimRead(from: number, to: number): boolean {
    const { memory } = this
    const { words, blockMask } = memory
    const at = laneWord(from)
    for (;;) {
      const reclaimed = Atomics.load(words, at + LANE.RECLAIMED)
      if (((Atomics.load(words, at + LANE.HEAD) - reclaimed) | 0) <= blockMask) return false
      // The entry stays what it is until RECLAIMED has moved on.
      const block = memory.blockAt(from, reclaimed)
      if (isHeld(memory, block)) return false
      const next = (reclaimed + blockMask + 1) | 0
      // (Q9) Read to its end, and one producer gets it.
      if (this.#claim(to, at + LANE.RECLAIMED, reclaimed, next, block)) return true
    }
  }

  /**
   * Takes the oldest blocks of a lane out of it while they are held. They are in no lane then, and in nobody's hand: the repair
   * leaves them alone until they are let go.
   */
  #passHeld(lane: number): void {
    const { memory } = this
    const { words, blockMask } = memory
    const at = laneWord(lane)
    for (let passed = 0; passed < memory.blocksOfLane; passed++) {
      const reclaimed = Atomics.load(words, at + LANE.RECLAIMED)
      if (((Atomics.load(words, at + LANE.HEAD) - reclaimed) | 0) <= blockMask) return
      if (!isHeld(memory, memory.blockAt(lane, reclaimed))) return
      // (Q9) Out of the lane, in nobody's hand.
      Atomics.compareExchange(words, at + LANE.RECLAIMED, reclaimed, (reclaimed + blockMask + 1) | 0)
    }
  }

  /** The exchange that makes a block this thread's, and its entry in the lane. In between INTENT is odd. */
  #claim(lane: number, word: number, seen: number, left: number, block: number): boolean {
    const { memory } = this
    const { words } = memory
    const at = laneWord(lane)
    Atomics.add(words, at + LANE.INTENT, 1) // (Q13) odd: something is in hand
    const claimed = Atomics.compareExchange(words, word, seen, left) === seen
    if (claimed) {
      // The lane's last block is full and published, so that TAIL is where the new one begins.
      const begin = words[at + LANE.TAIL]
      memory.setBlockAt(lane, begin, block)
      words[at + LANE.BLOCK] = block
      words[at + LANE.BLOCK_END] = begin + memory.blockMask + 1
    }
    Atomics.add(words, at + LANE.INTENT, 1) // (Q13) even: nothing is in hand
    return claimed
  }
}
