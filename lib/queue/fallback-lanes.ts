/**
 * The ticket queue's fallback engine: everything on `Atomics`. Readable lanes are found by looking at each in turn; free
 * blocks stay where they were read empty until a producer takes them back, so consumers have nothing to do for them.
 */
import { endedWith } from '../runtime/thread-ends.js'
import { type Bell, fallbackBell } from './bell.js'
import { obtainCredit, returnCredit } from './credits.js'
import { freeLane, takeLane } from './lane-table.js'
import type { QueueLanes } from './lanes.js'
import { LANE, laneWord, QUEUE_HEADER } from './layout.js'
import type { QueueMemory } from './memory.js'
import { readLane } from './reading.js'
import { mark } from './sleepers.js'

/** How often a search for a free block starts again when others were quicker. */
const SEARCHES = 1000

export class FallbackLanes implements QueueLanes {
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

  reap(threadId: number): void {
    const { words } = this.memory
    const lanes = Atomics.load(words, QUEUE_HEADER.LANES_USED)
    for (let lane = 0; lane < lanes; lane++) {
      const at = laneWord(lane)
      const epoch = Atomics.load(words, at + LANE.EPOCH)
      if ((epoch & 1) === 0 || !endedWith(words, at + LANE.LINEAGE, threadId)) continue
      // Of several threads that come here one goes on. Still odd: if that one ends as well, the next comes here again.
      if (Atomics.compareExchange(words, at + LANE.EPOCH, epoch, (epoch + 2) | 0) === epoch)
        this.releaseLane(lane)
    }
  }

  openBell(waiter: number, onRing: () => void): Bell {
    return fallbackBell(this.memory, waiter, onRing)
  }

  ring(waiter: number): void {
    mark(this.memory, waiter)
  }

  obtain(lane: number, wanted: number): number {
    return obtainCredit(this.memory, lane, wanted)
  }

  openBlock(lane: number): boolean {
    const { memory } = this
    const at = laneWord(lane)
    const block = this.#freeBlock(lane)
    if (block < 0) return false
    // The lane's last block is full and published, so that TAIL is where the new one begins.
    const begin = memory.words[at + LANE.TAIL]
    memory.directory[memory.directoryAt(lane, begin)] = block
    memory.words[at + LANE.BLOCK] = block
    memory.words[at + LANE.BLOCK_END] = begin + memory.blockMask + 1
    return true
  }

  announce(): void {}

  popMany(out: Uint32Array): number {
    const { memory } = this
    const wanted = out.length
    // Plain: a lane that was taken this moment is found by the next call.
    const lanes = memory.words[QUEUE_HEADER.LANES_USED]
    let count = 0
    let empty = 0
    while (count < wanted && empty < lanes) {
      if (this.#next >= lanes) this.#next = 0
      const read = readLane(memory, this.#next, out, count, wanted - count)
      if (read === 0) empty++
      else {
        empty = 0
        count += read
      }
      // On to the next lane after each block, so that no producer starves the others; a part-read block is finished first.
      if (count < wanted) this.#next++
    }
    return count
  }

  /** A block that nobody uses: one of the lane's own that was read empty, else one never used, else another lane's. */
  #freeBlock(lane: number): number {
    const { words, blocks } = this.memory
    for (let search = 0; search < SEARCHES; search++) {
      const own = this.#reclaim(lane)
      if (own >= 0) return own
      const unused = Atomics.load(words, QUEUE_HEADER.FIRST_UNUSED)
      if (unused < blocks) {
        if (Atomics.compareExchange(words, QUEUE_HEADER.FIRST_UNUSED, unused, unused + 1) === unused)
          return unused // (Q10)
        continue
      }
      const lanes = Atomics.load(words, QUEUE_HEADER.LANES_USED)
      for (let other = 0; other < lanes; other++) {
        const block = this.#reclaim(other)
        if (block >= 0) return block
      }
    }
    return -1
  }

  /** Takes back the oldest block of a lane that was read empty; -1 when there is none. */
  #reclaim(lane: number): number {
    const { memory } = this
    const { words, blockMask } = memory
    const at = laneWord(lane)
    for (;;) {
      const reclaimed = Atomics.load(words, at + LANE.RECLAIMED)
      if (((Atomics.load(words, at + LANE.HEAD) - reclaimed) | 0) <= blockMask) return -1
      // The entry stays what it is until RECLAIMED has moved on.
      const block = memory.directory[memory.directoryAt(lane, reclaimed)]
      const next = (reclaimed + blockMask + 1) | 0
      if (Atomics.compareExchange(words, at + LANE.RECLAIMED, reclaimed, next) === reclaimed) return block // (Q9)
    }
  }
}
