import { hold } from './holders.js'
import type { RequestSpan } from './lanes.js'
import { LANE, laneWord } from './layout.js'
import type { QueueMemory } from './memory.js'
import { readableFrom } from './reading.js'
import type { RequestCopies } from './request-copies.js'
import { takeUpProbe } from './time-in-queue.js'

/** As `readLane`, but copies requests; `copies` gives them out afterwards. */
export function readRequests(
  memory: QueueMemory,
  lane: number,
  copies: RequestCopies,
  wanted: number,
): number {
  const { words, blockShift, blockMask } = memory
  const base = laneWord(lane)
  const head = base + LANE.HEAD
  let position = words[head] // (Q1) a guess, which the exchange checks: never ahead of what it is
  for (;;) {
    const readable = readableFrom(words, base, position)
    if (readable <= 0) return 0
    const offset = position & blockMask
    const most = Math.min(readable, wanted, blockMask + 1 - offset)
    const from = (memory.blockAt(lane, position) << blockShift) + offset
    const count = copies.copy(from, most) // (Q4) torn if late: then the exchange fails
    // (Q3) Of all that copied these, one gets them.
    const before = Atomics.compareExchange(words, head, position, (position + count) | 0)
    if (before === position) {
      if ((words[base + LANE.PROBE] - position) >>> 0 < count) takeUpProbe(memory, base, position, count)
      return count
    }
    position = before
    Atomics.add(words, base + LANE.RETRIES, 1)
  }
}

/** As `readRequests`, but leaves the requests where they are until `holder` is freed, also where there were none. */
export function holdRequests(
  memory: QueueMemory,
  lane: number,
  holder: number,
  wanted: number,
  span: RequestSpan,
): number {
  const { words, blockShift, blockMask } = memory
  const base = laneWord(lane)
  let position = words[base + LANE.HEAD] // (Q1) a guess, which the exchange checks: never ahead of what it is
  for (;;) {
    const readable = readableFrom(words, base, position)
    if (readable <= 0) return 0
    const offset = position & blockMask
    const count = Math.min(readable, wanted, blockMask + 1 - offset)
    const block = memory.blockAt(lane, position)
    hold(memory, holder, block)
    // (Q3) The block is held before its requests are taken.
    const before = Atomics.compareExchange(words, base + LANE.HEAD, position, (position + count) | 0)
    if (before === position) {
      if ((words[base + LANE.PROBE] - position) >>> 0 < count) takeUpProbe(memory, base, position, count)
      span.slot = (block << blockShift) + offset
      span.count = count
      return count
    }
    position = before
    Atomics.add(words, base + LANE.RETRIES, 1)
  }
}
