/** Reads of a queue that wait in the event loop. */

import type { QueueLanes } from './lanes.js'
import type { Notifier } from './notifier.js'
import { isAnyReadable, isEnded } from './reading.js'
import { countRescue, fallAsleep, isAsleep, wakeUp } from './sleepers.js'
import { passOn } from './waking.js'

/** What a reader needs of its thread's end of the queue. */
export interface ReaderPort<Batch> {
  readonly lanes: QueueLanes
  /** Up to `most` items that can be read now. */
  pop(most: number): Batch
  /** The waiter of this thread's event loop, taken when first asked for. Its notifier calls whoever is its `sleeper`. */
  loopWaiter(): LoopWaiter
}

export interface LoopWaiter {
  readonly number: number
  readonly notifier: Notifier
  /** Whom a call is for. Undefined while nobody sleeps, so that a notifier holds no reader that nobody needs any more. */
  sleeper: { wake(): void } | undefined
}

interface Pending<Batch> {
  readonly most: number
  readonly resolve: (batch: Batch) => void
}

/** What `read` resolves to, and how to give it up. */
export interface Reading<Result> {
  readonly result: Promise<Result>
  cancel(): void
}

/** How often a waiting reader looks by itself, ms: the call is lost where a thread ends in an unseen way with it in hand. */
const BACKSTOP_MS = 1000

/** Its `then` costs a waking thread less than `queueMicrotask`, which makes an asynchronous resource of each call. */
export const settled = Promise.resolve()

export class EventLoopReader<Batch extends { readonly length: number }> {
  readonly #port: ReaderPort<Batch>
  readonly #pending = new Set<Pending<Batch>>()
  /** Keeps the event loop alive while somebody waits. */
  #backstop: NodeJS.Timeout | undefined
  #asleep: LoopWaiter | undefined
  /** The last look found something that this reader was not called for. */
  #suspicious = false

  /** Nobody waits any more, unless whoever was served has come back meanwhile. */
  readonly #rest = (): void => {
    if (this.#pending.size > 0) return
    clearInterval(this.#backstop)
    this.#backstop = undefined
    passOn(this.#port.lanes)
  }

  constructor(port: ReaderPort<Batch>) {
    this.#port = port
  }

  /**
   * Resolves to what `as`, which does not throw, makes of 1 to `most` items as soon as there are some, in the order of the
   * calls; of none once the queue has ended.
   */
  read<Result>(most: number, as: (batch: Batch) => Result): Reading<Result> {
    if (this.#pending.size === 0) {
      const now = this.#port.pop(most)
      if (now.length > 0 || isEnded(this.#port.lanes.memory))
        return { result: Promise.resolve(as(now)), cancel() {} }
    }
    // First, since it may throw: then nobody waits.
    this.#port.loopWaiter()
    let pending: Pending<Batch>
    const result = new Promise<Result>((resolve) => {
      // Here, and not in a `then` behind it: that would run a turn of the microtasks later.
      pending = { most, resolve: (batch) => resolve(as(batch)) }
      this.#pending.add(pending)
    })
    this.#backstop ??= setInterval(() => this.#look(), BACKSTOP_MS)
    this.#sleep()
    return {
      result,
      cancel: () => {
        if (!this.#pending.delete(pending)) return
        pending.resolve(this.#port.pop(0))
        // What this thread was called for is another one's now.
        this.wake()
      },
    }
  }

  /** There may be something to read. */
  wake(): void {
    const { memory } = this.#port.lanes
    this.#suspicious = false
    this.#rise()
    for (const pending of this.#pending) {
      const batch = this.#port.pop(pending.most)
      if (batch.length === 0 && !isEnded(memory)) break
      this.#pending.delete(pending)
      pending.resolve(batch)
    }
    if (this.#pending.size > 0) return this.#sleep()
    // After whoever waited has gone on.
    void settled.then(this.#rest)
  }

  #look(): void {
    const { memory } = this.#port.lanes
    const uncalled =
      this.#asleep !== undefined && isAsleep(memory, this.#asleep.number) && isAnyReadable(memory)
    // Who has just published may not have come to the call yet: the next look decides.
    if (uncalled && !this.#suspicious) {
      this.#suspicious = true
      return
    }
    if (uncalled) countRescue(memory, (this.#asleep as LoopWaiter).number)
    this.wake()
  }

  #sleep(): void {
    if (this.#asleep !== undefined) return
    const { memory } = this.#port.lanes
    this.#asleep = this.#port.loopWaiter()
    fallAsleep(memory, this.#asleep.number)
    // The second look: what was published before the bit could be seen.
    if (isAnyReadable(memory) || isEnded(memory)) {
      void settled.then(() => this.wake())
      return
    }
    this.#asleep.sleeper = this
    this.#asleep.notifier.arm()
  }

  #rise(): void {
    if (this.#asleep === undefined) return
    const { number, notifier } = this.#asleep
    this.#asleep.sleeper = undefined
    this.#asleep = undefined
    if (!wakeUp(this.#port.lanes.memory, number)) notifier.disarm()
  }
}
