import { clearLineage } from '../runtime/thread-ends.js'
import { LANE, laneWord, QUEUE_HEADER, QUEUE_SIZES } from './layout.js'
import type { QueueMemory } from './memory.js'

/** Takes the first lane that nobody owns: its number, or -1. */
export function takeLane({ words }: QueueMemory): number {
  for (let lane = 0; lane < QUEUE_SIZES.LANES; lane++) {
    const at = laneWord(lane) + LANE.EPOCH
    const epoch = Atomics.load(words, at)
    if ((epoch & 1) === 1 || Atomics.compareExchange(words, at, epoch, (epoch + 1) | 0) !== epoch) continue
    // Before anything is accepted: whoever sums over the lanes in use must see this one.
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
  clearLineage(words, laneWord(lane) + LANE.LINEAGE)
  Atomics.add(words, laneWord(lane) + LANE.EPOCH, 1)
}
