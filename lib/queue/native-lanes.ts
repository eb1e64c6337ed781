import { EngineError } from '../errors.js'
import type { Bell } from './bell.js'
import type { QueueEngine } from './engine.js'
import type { QueueLanes } from './lanes.js'
import { LANE, laneWord, QUEUE_HEADER, queueLayoutFingerprint } from './layout.js'
import type { QueueMemory } from './memory.js'
import { OWNER_SELF } from './ownership.js'
import { readLane } from './reading.js'

/** What `binding/queue_binding.cpp` exports. */
export interface NativeQueueAddon {
  readonly queueLayoutFingerprint: number
  /** This thread's share in the queue that lives in `words`; given up when it is collected, or the thread ends. */
  openQueue(words: Int32Array<SharedArrayBuffer>): NativeQueueFunctions
  /** Queues of this process that a thread has open. */
  openQueues(): number
}

/** As `QueueLanes` says it. None needs a `this`. Each does nothing, and returns 0, where `lane` is not this thread's. */
export interface NativeQueueFunctions {
  takeLane(owner: number): number
  releaseLane(lane: number): void
  obtain(lane: number, wanted: number): number
  openBlock(lane: number): number
  announce(lane: number): void
  popMany(out: Uint32Array): number
  /** Calls of `ring`, from any thread, then come to `onRing` in this one. Does not keep the event loop alive. */
  openBell(waiter: number, onRing: () => void): void
  closeBell(waiter: number): void
  ring(waiter: number): void
}

/**
 * The ticket queue's native engine. Single reads, and all writing, are the fallback's code: an addon call with an array
 * takes some 45 ns by itself, as long as a whole batch of 8.
 */
class NativeLanes implements QueueLanes {
  readonly memory: QueueMemory
  readonly #functions: NativeQueueFunctions

  constructor(addon: NativeQueueAddon, memory: QueueMemory) {
    this.memory = memory
    this.#functions = addon.openQueue(memory.words)
  }

  takeLane(): number {
    return this.#functions.takeLane(OWNER_SELF)
  }

  releaseLane(lane: number): void {
    this.#functions.releaseLane(lane)
  }

  obtain(lane: number, wanted: number): number {
    return this.#functions.obtain(lane, wanted)
  }

  openBlock(lane: number): boolean {
    return this.#functions.openBlock(lane) === 1
  }

  announce(lane: number): void {
    // (Q5) Plain: it comes after W2, the sequentially consistent load in `publish`.
    if (this.memory.words[laneWord(lane) + LANE.LISTED] === 0) this.#functions.announce(lane)
  }

  popMany(out: Uint32Array): number {
    const { memory } = this
    // A part of a block of the only lane. Whole blocks and many lanes are worth the call.
    const part =
      memory.words[QUEUE_HEADER.LANES_USED] === 1 ? readLane(memory, 0, out, 0, out.length, false) : -1
    return part < 0 ? this.#functions.popMany(out) : part
  }

  /** The addon does it as soon as the thread ends, and nothing is half done: no call is cut in two. */
  reap(): boolean {
    return true
  }

  openBell(waiter: number, onRing: () => void): Bell {
    this.#functions.openBell(waiter, onRing)
    return { arm() {}, disarm() {}, close: () => this.#functions.closeBell(waiter) }
  }

  ring(waiter: number): void {
    this.#functions.ring(waiter)
  }
}

/** Throws an EngineError where the addon was built for another layout. */
export function nativeQueueEngine(loaded: unknown): QueueEngine {
  const addon = loaded as NativeQueueAddon
  if (addon.queueLayoutFingerprint !== queueLayoutFingerprint()) {
    throw new EngineError(
      'The addon was built for another layout of queues than this JavaScript; build both from the same sources',
    )
  }
  return { kind: 'native', createLanes: (memory) => new NativeLanes(addon, memory) }
}
