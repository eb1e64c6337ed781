import type { NativeQueueAddon, NativeQueueFunctions } from '../engine/native/addon.js'
import { EngineError, HandleError } from '../errors.js'
import { TWO_TO_32 } from '../runtime/bits.js'
import type { QueueEngine, QueueLanes, RequestLanes, RequestSpan, TicketLanes } from './lanes.js'
import { LANE, laneWord, QUEUE_HEADER, queueLayoutFingerprint } from './layout.js'
import type { QueueMemory } from './memory.js'
import type { Notifier } from './notifier.js'
import { OWNER_SELF } from './ownership.js'
import { readLane, readOnlyLane, TicketCopy } from './reading.js'
import { RequestCopies } from './request-copies.js'
import type { RequestMemory } from './request-memory.js'

const FIRST_LANE = laneWord(0)
/**
 * The native engine of queues. Single reads, and all writing, are on `Atomics` in both engines: an addon call with an array
 * takes some 45 ns by itself, as long as a whole batch of 8.
 */
class NativeLanes implements QueueLanes {
  readonly memory: QueueMemory
  protected readonly functions: NativeQueueFunctions

  constructor(addon: NativeQueueAddon, memory: QueueMemory) {
    this.memory = memory
    this.functions = openIn(addon, memory)
  }

  takeLane(): number {
    return this.functions.takeLane(OWNER_SELF)
  }

  releaseLane(lane: number): void {
    this.functions.releaseLane(lane)
  }

  obtain(lane: number, wanted: number): number {
    return this.functions.obtain(lane, wanted)
  }

  openBlock(lane: number): boolean {
    return this.functions.openBlock(lane) === 1
  }

  announce(lane: number): void {
    // (Q5) Plain: it comes after W2 in `publish`, which is ordered behind the store of TAIL.
    if (this.memory.words[laneWord(lane) + LANE.LISTED] === 0) this.functions.announce(lane)
  }

  /** The addon does it as soon as the thread ends, and nothing is half done: no call is cut in two. */
  reap(): boolean {
    return true
  }

  openNotifier(waiter: number, onNotify: () => void): Notifier {
    this.functions.openNotifier(waiter, onNotify)
    return { arm() {}, disarm() {}, close: () => this.functions.closeNotifier(waiter) }
  }

  notify(waiter: number): void {
    this.functions.notify(waiter)
  }
}

/** The addon reads what the addresses are made of once more, and another thread may have written there meanwhile. */
function openIn(addon: NativeQueueAddon, memory: QueueMemory): NativeQueueFunctions {
  try {
    return addon.openQueue(memory.words)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new HandleError(`The memory of this ${memory.kind.name} was damaged: ${error.message}`)
  }
}

class NativeTicketLanes extends NativeLanes implements TicketLanes {
  readonly #copy = new TicketCopy()

  popMany(out: Uint32Array): number {
    const { memory } = this
    if (memory.words[QUEUE_HEADER.LANES_USED] !== 1) return this.functions.popMany(out)
    // Block by block, a call into the addon costs more than it saves.
    return readOnlyLane(memory, out, this.#copy)
  }
}

class NativeRequestLanes extends NativeLanes implements RequestLanes {
  readonly #copies: RequestCopies

  constructor(addon: NativeQueueAddon, memory: RequestMemory) {
    super(addon, memory)
    this.#copies = new RequestCopies(memory)
  }

  popInto(out: Uint8Array[], wanted: number): void {
    const copies = this.#copies
    if (this.memory.words[QUEUE_HEADER.LANES_USED] === 1 && this.#readable() <= 1) {
      // Of the only lane nothing or a single one, mostly: that costs less than the call.
      return copies.giveOut(out, readLane(this.memory, 0, wanted, copies))
    }
    for (let left = wanted; left > 0; ) {
      const { chunk, used, most } = copies.begin()
      const limit = Math.min(left, most)
      const answer = this.functions.popRequests(chunk, used, copies.lengths, limit)
      const count = answer < 0 ? ~answer : answer
      const needed = copies.lengths[count]
      copies.giveOut(out, count)
      left -= count
      if (answer < 0) copies.makeRoom(needed)
      else if (count < limit) break
    }
  }

  takeHolder(): number {
    return this.functions.takeHolder(OWNER_SELF)
  }

  holdInto(span: RequestSpan, holder: number, wanted: number): void {
    const held = this.functions.holdRequests(holder, wanted)
    span.slot = held >>> 0
    span.count = Math.floor(held / TWO_TO_32)
  }

  freeHolder(holder: number): void {
    this.functions.freeHolder(holder)
  }

  /** Of the first lane: a guess. */
  #readable(): number {
    const { words } = this.memory
    return (words[FIRST_LANE + LANE.TAIL] - words[FIRST_LANE + LANE.HEAD]) | 0
  }
}

/** Throws an EngineError where the addon was built for another layout. */
export function nativeQueueEngine(addon: NativeQueueAddon): QueueEngine {
  if (addon.queueLayoutFingerprint !== queueLayoutFingerprint()) {
    throw new EngineError(
      'The addon was built for another layout of queues than this JavaScript; build both from the same sources',
    )
  }
  return {
    kind: 'native',
    createLanes: (memory) => new NativeTicketLanes(addon, memory),
    createRequestLanes: (memory) => new NativeRequestLanes(addon, memory),
  }
}
