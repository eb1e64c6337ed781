/** The addon's whole surface: every function that C++ exports, and nothing else of it is used. */
import type { MaglevAdvance } from '../maglev-spec.js'

/** What `require` of the binary gives: `binding/addon.cpp` and the files beside it. */
export interface NativeAddon extends NativeQueueAddon, NativeMaglev {
  readonly layoutVersion: number
  readonly layoutFingerprint: number
  /** Of the Boost headers, e.g. `1_74`. */
  readonly boostVersion: string
  readonly compiler: string
  /** `scratch` is SCRATCH.DOUBLES long and stays this core's own. */
  createCore(root: Int32Array<SharedArrayBuffer>, thread: number, scratch: Float64Array): NativeCoreFunctions
}

/** One core's functions. None needs a `this`; each keeps the core and its memory alive. */
export interface NativeCoreFunctions {
  /** In order. Throws a RangeError or TypeError on an array that is not what the layout says, as `addSegment` does. */
  addServices(words: Int32Array): void
  /** In order. */
  addSegment(cells: Int32Array, contributions: Int32Array, histograms: Int32Array): void
  /**
   * The function that it returns picks, and leaves the slot, or -1, in SCRATCH.SLOT. The last two, of equal length as
   * `slots` or empty, are a `DrawTable`.
   */
  picker(
    distributor: number,
    metric: number,
    service: number,
    slots: Uint32Array,
    thresholds: Uint32Array,
    aliases: Uint32Array,
  ): () => void
  /** Reserves SCRATCH.SLOT, and makes it -1 where the slot is at its limit. */
  reserve(): void
  /** Ends SCRATCH.SLOT with the other arguments in the scratch. */
  end(): void
  /** `Core.answer` of SCRATCH.SLOT, likewise. */
  answer(): void
  /** `Core.close` of SCRATCH.SLOT; SCRATCH.OUTCOME is 1 where the body broke. */
  close(): void
  /** As `Core.reclaim`, which here always succeeds: a call is not cut in two. */
  reclaim(thread: number): void
  /** The lines of waiting requests, over `tickets`. Throws a RangeError or TypeError on an array that is not what the layout says. */
  openLines(tickets: Int32Array): NativeLineFunctions
  /** Pickers find nothing afterwards, reservations fail, ends are ignored. */
  dispose(): void
}

/** As `WaitingLines` says it (`binding/lines_binding.cpp`). Each throws a RangeError on a number that is out of range. */
export interface NativeLineFunctions {
  join(service: number, tier: number, ticket: number): boolean
  grantNext(service: number, ticks: number): number
  length(service: number, tier: number): number
  listen(onCall: () => void): void
  close(): void
  call(token: number): void
}

/** Queues (`binding/queue_binding.cpp`). */
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
  /**
   * Copies up to `wanted` requests into `chunk`, each from the next multiple of 8 bytes at or after `from`, itself one,
   * and their lengths into `lengths`; returns how many. Where the next one does not fit, it returns `~` that number, and
   * the length of that one follows the others.
   */
  popRequests(chunk: Uint8Array, from: number, lengths: Uint32Array, wanted: number): number
  /** A holder of this thread's, or -1. Given up with the queue. */
  takeHolder(owner: number): number
  /** `count * 2^32 + slot` of up to `wanted` requests, which `holder`, that holds nothing, holds from then on. */
  holdRequests(holder: number, wanted: number): number
  /** Lets go and gives the holder back. */
  freeHolder(holder: number): void
  /** Calls of `notify`, from any thread, then come to `onNotify` in this one. Does not keep the event loop alive. */
  openNotifier(waiter: number, onNotify: () => void): void
  closeNotifier(waiter: number): void
  notify(waiter: number): void
}

/** Tables of Maglev (`binding/maglev_binding.cpp`). Throws a RangeError or TypeError on what is not a `MaglevSpec`. */
export interface NativeMaglev {
  createMaglev(
    size: number,
    offsets: Uint32Array,
    skips: Uint32Array,
    shares: Float64Array,
    names: Uint32Array,
    table: Uint32Array,
  ): MaglevAdvance
}
