/**
 * Blocks of requests that are being read in place. A *holder* names one, from before HEAD moves until its requests are let
 * go. Whoever takes a block back from its lane has seen HEAD beyond it, and therefore every holder of it.
 */
import { HOLDER, holderWord, QUEUE_HEADER, QUEUE_SIZES } from './layout.js'
import type { QueueMemory } from './memory.js'
import { give, take, takeOver } from './ownership.js'
import type { Taker } from './reading.js'

const NOTHING = 0

/** Takes a holder that nobody owns: its number, or -1. */
export function takeHolder({ words }: QueueMemory): number {
  for (let holder = 0; holder < QUEUE_SIZES.HOLDERS; holder++) {
    const at = holderWord(holder)
    if (!take(words, at + HOLDER.OWNER, at + HOLDER.LINEAGE)) continue
    for (;;) {
      const used = Atomics.load(words, QUEUE_HEADER.HOLDERS_USED)
      if (used > holder) return holder
      // (Q17) Before HEAD moves: the holder is in sight.
      Atomics.compareExchange(words, QUEUE_HEADER.HOLDERS_USED, used, holder + 1)
    }
  }
  return -1
}

/** Lets go what an own holder holds, and gives it back. */
export function freeHolder({ words }: QueueMemory, holder: number): void {
  Atomics.store(words, holderWord(holder) + HOLDER.HOLD, NOTHING) // (Q18) what was read in place is over
  give(words, holderWord(holder) + HOLDER.OWNER)
}

/**
 * Leaves requests where they are until `holder` is freed, also where there were none. From now on no lane gets their block,
 * if they turn out to be the caller's: HEAD moves after that.
 */
export class BlockHold implements Taker {
  /** Where the requests begin. */
  from = 0
  readonly #holder: number

  constructor(holder: number) {
    this.#holder = holder
  }

  take({ words, blockShift }: QueueMemory, from: number, count: number): number {
    // (Q17) Before HEAD moves: who takes the block sees it.
    Atomics.store(words, holderWord(this.#holder) + HOLDER.HOLD, (from >>> blockShift) + 1)
    this.from = from
    return count
  }
}

/** Whether anybody reads in a block that lies before HEAD. One load where requests are never read in place. */
export function isHeld({ words }: QueueMemory, block: number): boolean {
  const used = holdersUsed(words)
  for (let holder = 0; holder < used; holder++)
    // (Q18) Is somebody still reading in the block?
    if (Atomics.load(words, holderWord(holder) + HOLDER.HOLD) === block + 1) return true
  return false
}

/** The blocks that are held. */
export function heldBlocks({ words }: QueueMemory): number[] {
  const blocks: number[] = []
  const used = holdersUsed(words)
  for (let holder = 0; holder < used; holder++) {
    // (Q18) Is somebody still reading in the block?
    const held = Atomics.load(words, holderWord(holder) + HOLDER.HOLD)
    if (held !== NOTHING) blocks.push(held - 1)
  }
  return blocks
}

/** Holders that were ever taken, at most as many as there are. */
const holdersUsed = (words: Int32Array): number =>
  // (Q17) All holders ever taken.
  Math.min(Atomics.load(words, QUEUE_HEADER.HOLDERS_USED) >>> 0, QUEUE_SIZES.HOLDERS)

/** Lets go what threads held that have ended. For queues of requests. */
export function reapHolders(memory: QueueMemory): void {
  const { words } = memory
  // Not only those in use: a thread may end before it has counted its holder among them.
  for (let holder = 0; holder < QUEUE_SIZES.HOLDERS; holder++) {
    const at = holderWord(holder)
    if (takeOver(words, at + HOLDER.OWNER, at + HOLDER.LINEAGE)) freeHolder(memory, holder)
  }
}
