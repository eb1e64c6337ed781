import { ArgumentError } from '../errors.js'
import { show } from '../runtime/foreign.js'
import { batchesOf, itself } from './batches.js'
import { type QueueEngine, selectedQueueEngine } from './engine.js'
import { portOf } from './ports.js'
import {
  createRequestMemory,
  openRequestMemory,
  RequestMemory,
  type RequestQueueHandle,
} from './request-memory.js'
import { RequestPort } from './request-port.js'
import type { RequestViews } from './request-views.js'
import type { RequestBytes } from './request-writing.js'
import { queueStats, type RequestQueueStats } from './stats.js'

/** What a `RequestQueue` is made with. */
export interface RequestQueueOptions {
  /** Requests that the queue holds, exactly: 1 to 8,388,608. */
  readonly capacity: number
  /** Bytes of the longest request: 1 to 1,048,576. The queue has as much memory for each, 2 GiB in all at most. */
  readonly slotBytes: number
}

/** How requests are to be given out. */
export interface PopOptions {
  /** Where they lie in the queue's memory, not copied. */
  readonly views: true
}

/** A batch, where nobody says how much: requests, and bytes of slots. */
const BATCH = 1024
const BATCH_BYTES = 1048576

/**
 * A bounded queue of requests, bytes each, that any thread of the process may push to and pop from at any time, without
 * a lock. The bytes are copied in and, unless views are asked for, copied out. When what was pushed can be read, and in which order, is as in `TicketQueue`.
 *
 * Popped requests share `ArrayBuffer`s, which cannot be transferred: to keep one of them for long, or to transfer it, copy it
 * (`slice()`), else up to 32 KiB stay with it.
 */
export class RequestQueue {
  /** What makes queues of this class: the engine of the process. @internal */
  protected static engine(): QueueEngine {
    return selectedQueueEngine()
  }

  readonly #memory: RequestMemory
  readonly #port: RequestPort
  readonly #batch: number

  /** Throws an ArgumentError unless both numbers are whole, in their ranges, and 2 GiB suffice. */
  constructor(options: RequestQueueOptions) {
    const engine = new.target.engine()
    const memory = options instanceof RequestMemory ? options : create(options, engine)
    this.#memory = memory
    this.#port = portOf(memory, () => new RequestPort(engine.createRequestLanes(memory), memory))
    this.#batch = Math.max(1, Math.min(BATCH, Math.floor(BATCH_BYTES / memory.slotBytes)))
  }

  /** The queue behind a handle, which is not copied. Throws a HandleError that says what is wrong with the handle. */
  static attach(handle: RequestQueueHandle): RequestQueue {
    // biome-ignore lint/complexity/noThisInStatic: a subclass on another engine attaches to queues of that engine
    return new this(openRequestMemory(handle, this.engine().kind))
  }

  /** Plain data, for `workerData` or `postMessage` and `RequestQueue.attach` in the other thread. */
  get handle(): RequestQueueHandle {
    return this.#memory.handle
  }

  /**
   * Accepts a request: bytes, of which none is a request too, or a string, as UTF-8. False when the queue is full; nothing
   * is kept then. Throws a ClosedError after `close()`, an ArgumentError for anything else or more than `slotBytes`.
   */
  push(request: RequestBytes): boolean {
    return this.#port.push(request)
  }

  /** Accepts requests in order until the queue is full; returns how many. Throws as `push` does, and has then accepted none. */
  pushMany(requests: readonly RequestBytes[]): number {
    return this.#port.pushMany(requests)
  }

  /**
   * Up to `most` requests that can be read now; their bytes are the caller's. Never waits. None means that each
   * producer's part of the queue was seen empty during the call.
   *
   * With `views` they are not copied: see `RequestViews`. Then it is no more than one producer's block, 4 to 64 requests. Throws a
   * FairleadError, FAIRLEAD_OVERLOADED, where 32 batches of views are held already, by all threads.
   */
  popMany(most: number): Uint8Array[]
  popMany(most: number, options: PopOptions): RequestViews
  popMany(most: number, options?: PopOptions): Uint8Array[] | RequestViews {
    count('popMany', most, 0)
    return wantsViews('popMany', options) ? this.#port.popViews(most) : this.#port.pop(most)
  }

  /**
   * As `popMany`, but where nothing can be read it stops the thread until there is something: worker threads only. None
   * when the time, in ms, is up (`Infinity` for no limit), or when the queue has `ended`. A waiting thread costs no CPU time.
   */
  popWait(most: number, timeoutMs: number): Uint8Array[]
  popWait(most: number, timeoutMs: number, options: PopOptions): RequestViews
  popWait(most: number, timeoutMs: number, options?: PopOptions): Uint8Array[] | RequestViews {
    count('popWait', most, 0)
    return wantsViews('popWait', options)
      ? this.#port.popViewsWait(most, timeoutMs)
      : this.#port.popWait(most, timeoutMs)
  }

  /**
   * Resolves to 1 to `most` requests as soon as some can be read; to none once the queue has `ended`. Reads of one thread
   * are served in their order. Keeps the process alive while it waits.
   * @param most if not given: 1,024, and no more than make 1 MiB at their longest
   */
  read(most: number = this.#batch): Promise<Uint8Array[]> {
    return this.#port.read(count('read', most, 1), itself).result
  }

  /** Batches, as of `read()`, until the queue has `ended`. Several loops, in any threads, share what comes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array[]> {
    return batchesOf(this.#port, this.#batch)
  }

  /** True after `close()`, once all that was accepted was read. */
  get ended(): boolean {
    return this.#port.ended
  }

  /** Makes what this thread has pushed readable now. */
  flush(): void {
    this.#port.flush()
  }

  /** Ends the pushing, for every thread. What was accepted stays readable; then those that wait are told of the end. */
  close(): void {
    this.#port.close()
  }

  stats(): RequestQueueStats {
    return queueStats(this.#memory)
  }
}

function create(options: RequestQueueOptions, engine: QueueEngine): RequestMemory {
  if (typeof options !== 'object' || options === null) {
    throw new ArgumentError(
      `new RequestQueue(${show(options)}): it takes an object, as in { capacity: 65536, slotBytes: 256 }`,
    )
  }
  return createRequestMemory(options.capacity, options.slotBytes, engine.kind)
}

function count(verb: string, most: number, least: number): number {
  if (Number.isInteger(most) && most >= least) return most
  throw new ArgumentError(
    `${verb}(${show(most)}): it takes how many requests to read at most, ${least} or more`,
  )
}

function wantsViews(verb: string, options: PopOptions | undefined): boolean {
  if (options === undefined) return false
  if (typeof options === 'object' && options !== null && options.views === true) return true
  throw new ArgumentError(
    `${verb}(..., ${show(options)}): options are { views: true }, or left out where the requests are to be copied`,
  )
}
