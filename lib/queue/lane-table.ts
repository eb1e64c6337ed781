import { LANE, laneWord, QUEUE_HEADER, QUEUE_SIZES } from './layout.js'
import type { QueueMemory } from './memory.js'
import { give, take } from './ownership.js'

/** Takes the first lane that nobody owns: its number, or -1. */
export function takeLane({ words }: QueueMemory): number {
  for (let lane = 0; lane < QUEUE_SIZES.LANES; lane++) {
    const at = laneWord(lane)
    if (!take(words, at + LANE.OWNER, at + LANE.LINEAGE)) continue
    // Before anything is accepted: whoever sums over the lanes in use must see this one. (Q12)
    for (;;) {
      const used = Atomics.load(words, QUEUE_HEADER.LANES_USED)
      if (used > lane) return lane
      Atomics.compareExchange(words, QUEUE_HEADER.LANES_USED, used, lane + 1)
    }
  }
  return -1
}

/** The end of an own lane's ownership, after everything else that concerns it. */
export function freeLane({ words }: QueueMemory, lane: number): void {
  give(words, laneWord(lane) + LANE.OWNER)
}
