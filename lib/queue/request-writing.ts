import type { QueueLanes } from './lanes.js'
import { LANE, laneWord } from './layout.js'
import type { RequestMemory } from './request-memory.js'
import { COUNT, POSITION_SHIFT, publish, spend } from './writing.js'

/** A request as it is pushed: bytes, or text that becomes UTF-8. */
export type RequestBytes = Uint8Array | string

const encoder = new TextEncoder()

/**
 * Accepts requests into an own lane, from number `from` on, until the queue is full; returns how many. As `writeLane`, but
 * the bytes are written before they are accepted: if that should fail, nothing has happened.
 */
export function writeRequests(
  lanes: QueueLanes,
  memory: RequestMemory,
  lane: number,
  source: readonly RequestBytes[],
  from: number,
): number {
  const { words, blockShift, blockMask } = memory
  const at = laneWord(lane)
  let next = from
  while (next < source.length) {
    const credit = words[at + LANE.CREDIT] // (Q6) a guess, which `spend` checks
    const accepted = credit >>> POSITION_SHIFT
    if (accepted === (words[at + LANE.BLOCK_END] & COUNT) && !lanes.openBlock(lane)) break
    const offset = accepted & blockMask
    // No more than there is credit for, unless new credit must be asked for: then it may be in vain.
    const most = (credit & COUNT) === 0 ? source.length : credit & COUNT
    const count = Math.min(source.length - next, blockMask + 1 - offset, most)
    const slot = (memory.ownBlock(at) << blockShift) + offset
    for (let i = 0; i < count; i++) writeSlot(memory, slot + i, source[next + i])
    const written = spend(lanes, lane, count)
    if (written === 0) break
    next += written
    if (offset + written > blockMask) publish(lanes, lane)
  }
  return next - from
}

/** Writes a request that fits into a slot that nobody reads yet. */
export function writeSlot(memory: RequestMemory, slot: number, request: RequestBytes): void {
  const { slab, slotStride, slotBytes } = memory
  const at = slot * slotStride
  if (typeof request === 'string') {
    memory.lengths[slot] = encoder.encodeInto(request, slab.subarray(at, at + slotBytes)).written
  } else {
    slab.set(request, at)
    memory.lengths[slot] = request.length
  }
}
