import { ArgumentError } from '../errors.js'
import { show } from '../runtime/foreign.js'
import { batchesOf, itself } from './batches.js'
import { type QueueEngine, selectedQueueEngine } from './engine.js'
import { createQueueMemory, openQueueMemory, TicketMemory, type TicketQueueHandle } from './memory.js'
import { portOf } from './ports.js'
import { queueStats, type TicketQueueStats } from './stats.js'
import { TicketPort } from './ticket-port.js'

/** What a `TicketQueue` is made with. */
export interface TicketQueueOptions {
  /** Items that the queue holds, exactly: 1 to 8,388,608. */
  readonly capacity: number
}

/** Numbers in a batch, at most, where nobody says how many. */
const BATCH = 1024

/**
 * A bounded queue of 32-bit numbers that any thread of the process may push to and pop from at any time, without a lock.
 *
 * What a thread pushes is popped in that order; what several threads push is interleaved by blocks of up to 256. An item
 * is accepted once `push` has said true. It is readable when its block is full, at `flush()`, at that thread's own pop,
 * when a push finds the queue full, or at the end of the turn (in a microtask), whichever comes first, and is then handed
 * out exactly once.
 */
export class TicketQueue {
  /** What makes queues of this class: the engine of the process. @internal */
  protected static engine(): QueueEngine {
    return selectedQueueEngine()
  }

  readonly #memory: TicketMemory
  readonly #port: TicketPort

  /** Throws an ArgumentError unless `capacity` is a whole number in its range. */
  constructor(options: TicketQueueOptions) {
    const engine = new.target.engine()
    this.#memory =
      options instanceof TicketMemory ? options : createQueueMemory(capacityOf(options), engine.kind)
    this.#port = portOf(this.#memory, () => new TicketPort(engine.createLanes(this.#memory)))
  }

  /** The queue behind a handle, which is not copied. Throws a HandleError that says what is wrong with the handle. */
  static attach(handle: TicketQueueHandle): TicketQueue {
    // biome-ignore lint/complexity/noThisInStatic: a subclass on another engine attaches to queues of that engine
    return new this(openQueueMemory(handle, this.engine().kind))
  }

  /** Plain data, for `workerData` or `postMessage` and `TicketQueue.attach` in the other thread. */
  get handle(): TicketQueueHandle {
    return this.#memory.handle
  }

  /**
   * Accepts a whole number from 0 to 4294967295; false when the queue is full.
   * Throws a ClosedError after `close()`, an ArgumentError for anything that is not such a number.
   */
  push(ticket: number): boolean {
    return this.#port.push(ticket)
  }

  /** Accepts numbers in order until the queue is full; returns how many. Throws as `push` does. */
  pushMany(tickets: Uint32Array): number {
    return this.#port.pushMany(tickets)
  }

  /**
   * Fills `into` from its start with what can be read now, and returns how many that were. Never waits.
   * 0 means that each producer's part of the queue was seen empty during the call.
   */
  popMany(into: Uint32Array): number {
    return this.#port.popMany(into)
  }

  /**
   * As `popMany`, but where nothing can be read it stops the thread until there is something: worker threads only. 0 when
   * the time, in ms, is up (`Infinity` for no limit), or when the queue has `ended`. A waiting thread costs no CPU time.
   */
  popWait(into: Uint32Array, timeoutMs: number): number {
    return this.#port.popWait(into, timeoutMs)
  }

  /**
   * Resolves to 1 to `most` numbers as soon as some can be read; to none once the queue has `ended`. Reads of one thread
   * are served in their order. Keeps the process alive while it waits.
   */
  read(most: number = BATCH): Promise<Uint32Array> {
    if (!Number.isInteger(most) || most < 1)
      throw new ArgumentError(`read(${show(most)}): it takes how many numbers to read at most, 1 or more`)
    return this.#port.read(most, itself).result
  }

  /** Batches of up to 1,024 numbers, until the queue has `ended`. Several loops, in any threads, share what comes. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Uint32Array> {
    return batchesOf(this.#port, BATCH)
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

  stats(): TicketQueueStats {
    return queueStats(this.#memory)
  }
}

function capacityOf(options: TicketQueueOptions): number {
  if (typeof options !== 'object' || options === null) {
    throw new ArgumentError(
      `new TicketQueue(${show(options)}): it takes an object, as in { capacity: 65536 }`,
    )
  }
  return options.capacity
}
