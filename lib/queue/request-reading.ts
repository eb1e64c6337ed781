import { LANE, laneWord } from './layout.js'
import type { QueueMemory } from './memory.js'
import type { RequestCopies } from './request-copies.js'
import { takeUpProbe } from './time-in-queue.js'

/** As `readLane`, but copies requests; `copies` gives them out afterwards. */
export function readRequests(
  memory: QueueMemory,
  lane: number,
  copies: RequestCopies,
  wanted: number,
  toEnd = true,
): number {
  const { words, blockShift, blockMask } = memory
  const base = laneWord(lane)
  const head = base + LANE.HEAD
  let position = words[head] // (Q1) a guess, which the exchange checks: never ahead of what it is
  for (;;) {
    const readable = (Atomics.load(words, base + LANE.TAIL) - position) | 0 // (Q2)
    if (readable <= 0) return 0
    const offset = position & blockMask
    const most = Math.min(readable, wanted, blockMask + 1 - offset)
    if (!toEnd && offset + most > blockMask) return -1
    const from = (memory.directory[memory.directoryAt(lane, position)] << blockShift) + offset
    const count = copies.copy(from, most) // (Q4)
    const before = Atomics.compareExchange(words, head, position, (position + count) | 0) // (Q3)
    if (before === position) {
      if ((words[base + LANE.PROBE] - position) >>> 0 < count) takeUpProbe(memory, base, position, count)
      return count
    }
    position = before
    Atomics.add(words, base + LANE.RETRIES, 1)
  }
}
