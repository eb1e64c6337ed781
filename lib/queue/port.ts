/** A thread's end of a queue: its lane, when what it has accepted gets published, and how it waits. */
import { isMainThread } from 'node:worker_threads'
import { ArgumentError, ClosedError, FairleadError } from '../errors.js'
import { monotonicNow } from '../runtime/clock.js'
import { show } from '../runtime/foreign.js'
import { endsNoted } from '../runtime/thread-ends.js'
import {
  EventLoopReader,
  type LoopWaiter,
  type ReaderPort,
  type Reading,
  settled,
} from './event-loop-reader.js'
import type { QueueLanes } from './lanes.js'
import { LANE, laneWord, QUEUE_HEADER, QUEUE_SIZES, WAITER_KIND } from './layout.js'
import { isAnyReadable, isEnded } from './reading.js'
import {
  countRescue,
  fallAsleep,
  freeWaiter,
  futexOf,
  reapWaiters,
  takeWaiter,
  type WaiterKind,
  wakeUp,
} from './sleepers.js'
import { startProbes } from './time-in-queue.js'
import { callClaimed, passOn } from './waking.js'
import { publish } from './writing.js'

export const NO_LANE = -1

/** What outlives a port that was collected, so that its lane can be given back. */
interface Ownership {
  readonly lanes: QueueLanes
  lane: number
  /** The waiters that this thread has taken. */
  blocked?: number
  loop?: LoopWaiter
  /** Gives back what a kind of queue has taken beside these. Must not hold the port. */
  readonly freeOthers: () => void
}

/** How long a blocked thread sleeps at most, ms, before it looks by itself: see `EventLoopReader`. */
const BACKSTOP_MS = 1000
const LATE_CALL_MS = 100
/** Before the first further try of `QueueLanes.reap`, ms; twice as long before each one after, up to the last. */
const REAP_AGAIN_MS = 5
const REAP_AGAIN_AT_MOST_MS = 1000

interface Counted {
  readonly length: number
}

/** What both kinds of queue have in common; `TicketPort` and `RequestPort` write and read the items. */
export abstract class QueuePort<Batch extends Counted, Source extends Counted> implements ReaderPort<Batch> {
  readonly lanes: QueueLanes
  /** First word of the own lane; NO_LANE until the first push. */
  protected at = NO_LANE
  readonly #owned: Ownership
  readonly #words: Int32Array
  readonly #reader: EventLoopReader<Batch> = new EventLoopReader<Batch>(this)
  readonly #endTurn = (): void => {
    this.#scheduled = false
    this.flush()
  }
  #scheduled = false
  /** `endsNoted` at the last `reap`. */
  #ends = 0
  #again: NodeJS.Timeout | undefined

  constructor(lanes: QueueLanes, freeOthers: () => void = () => {}) {
    const { memory } = lanes
    this.lanes = lanes
    this.#owned = { lanes, lane: NO_LANE, freeOthers }
    this.#words = memory.words
    abandoned.register(this, this.#owned)
  }

  /** Up to `most` items that can be read now. Never waits. */
  abstract pop(most: number): Batch

  /** Accepts items into an own lane, from number `from` of them on, until the queue is full; returns how many. */
  protected abstract write(lane: number, items: Source, from: number): number

  /** Stops the thread until `pop` has got some of `most` items, the time is up or the queue has ended; how many items it got. */
  protected wait(pop: () => number, most: number, timeoutMs: number): number {
    if (isMainThread) {
      throw new ArgumentError(
        'popWait() would stop the main thread, with all its timers and sockets; it is for worker threads: use read() or `for await`',
      )
    }
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
      throw new ArgumentError(`popWait(..., ${show(timeoutMs)}): the time-out takes milliseconds, 0 or more`)
    }
    const { memory } = this.lanes
    const end = monotonicNow() + timeoutMs
    let count = pop()
    while (count === 0 && most > 0 && !isEnded(memory)) {
      const left = end - monotonicNow()
      if (left <= 0) break
      const waiter = (this.#owned.blocked ??= this.#takeWaiter(WAITER_KIND.BLOCKED))
      fallAsleep(memory, waiter)
      // The second look: what was published before the bit could be seen.
      if (!isAnyReadable(memory) && !isEnded(memory)) this.#sleepOn(futexOf(waiter), left)
      wakeUp(memory, waiter)
      count = pop()
      if (count === 0) this.reap()
    }
    return count
  }

  /** Until it is called, or `ms` are over, or the backstop's time. */
  #sleepOn(futex: number, ms: number): void {
    if (Atomics.wait(this.#words, futex, 0, Math.min(ms, BACKSTOP_MS)) !== 'timed-out') return
    if (ms <= BACKSTOP_MS || !isAnyReadable(this.lanes.memory)) return
    // Who has just published may not have come to the call yet.
    if (Atomics.wait(this.#words, futex, 0, LATE_CALL_MS) !== 'timed-out') return
    if (isAnyReadable(this.lanes.memory)) countRescue(this.lanes.memory, this.#owned.blocked as number)
  }

  /** See `EventLoopReader.read`. */
  read<Result>(most: number, as: (batch: Batch) => Result): Reading<Result> {
    return this.#reader.read(most, as)
  }

  loopWaiter(): LoopWaiter {
    const owned = this.#owned
    if (owned.loop !== undefined) return owned.loop
    const number = this.#takeWaiter(WAITER_KIND.EVENT_LOOP)
    // Of `owned` and not of the port: whoever has abandoned the queue should find it collected, notifier and all.
    try {
      const notifier = this.lanes.openNotifier(number, () => owned.loop?.sleeper?.wake())
      owned.loop = { number, notifier, sleeper: undefined }
    } catch (error) {
      freeWaiter(this.lanes.memory, number)
      throw error
    }
    return owned.loop
  }

  flush(): void {
    if (this.at !== NO_LANE) publish(this.lanes, this.#owned.lane)
  }

  close(): void {
    this.flush()
    Atomics.store(this.#words, QUEUE_HEADER.CLOSED, 1)
    passOn(this.lanes)
  }

  get ended(): boolean {
    return isEnded(this.lanes.memory)
  }

  /**
   * What ended threads have left in this queue is put in order, by whoever comes first: false where no thread has ended
   * since the last time. The event loop is not needed for it, but where `QueueLanes.reap` asks for another try.
   */
  reap(): boolean {
    const ends = endsNoted()
    if (ends === this.#ends) return false
    this.#ends = ends
    this.#reapLanes(REAP_AGAIN_MS)
    reapWaiters(this.lanes.memory)
    // They may have had calls to make, and one of their own to pass on; and an end may wait for their lanes alone.
    callClaimed(this.lanes)
    passOn(this.lanes)
    return true
  }

  /** Publishes and gives the lane back; the next push takes one again. */
  leave(): void {
    this.flush()
    this.at = NO_LANE
    release(this.#owned)
  }

  #reapLanes(againMs: number): void {
    if (this.lanes.reap()) return
    clearTimeout(this.#again)
    const next = Math.min(2 * againMs, REAP_AGAIN_AT_MOST_MS)
    this.#again = setTimeout(() => this.#reapLanes(next), againMs).unref()
  }

  /** Accepts of a number of items as many as there is room for, in order; returns how many. */
  protected accept(items: Source): number {
    const { lanes } = this
    const lane = this.at === NO_LANE ? this.#takeLane() : this.#owned.lane
    let accepted = this.write(lane, items, 0)
    // It may be full of what ended threads have left.
    if (accepted < items.length && this.reap()) accepted += this.write(lane, items, accepted)
    if (accepted < items.length) {
      lanes.memory.doubles[(this.at + LANE.REFUSED) >> 1] += items.length - accepted
      // A queue full of what nobody can read yet would stay full for producers that push until they succeed.
      publish(lanes, this.#owned.lane)
    }
    if (accepted > 0) this.endTurnLater()
    return accepted
  }

  /** For a push that has accepted something. */
  protected endTurnLater(): void {
    if (!this.#scheduled) this.#schedule()
  }

  /** Throws after `close()`. */
  protected checkOpen(): void {
    // A push beside a close may come before it, whichever load this is.
    if (this.#words[QUEUE_HEADER.CLOSED] !== 0) throw new ClosedError(`This ${this.lanes.memory.kind.name}`)
  }

  #takeLane(): number {
    const lane = this.lanes.takeLane()
    if (lane === NO_LANE) {
      throw new FairleadError(
        'FAIRLEAD_OVERLOADED',
        `${QUEUE_SIZES.LANES} threads push to this ${this.lanes.memory.kind.name} already, which is the most it can take`,
      )
    }
    this.#owned.lane = lane
    this.at = laneWord(lane)
    startProbes(this.lanes.memory, this.at)
    return lane
  }

  #takeWaiter(kind: WaiterKind): number {
    const waiter = takeWaiter(this.lanes.memory, kind)
    if (waiter < 0) {
      throw new FairleadError(
        'FAIRLEAD_OVERLOADED',
        `${QUEUE_SIZES.WAITERS} waits for this ${this.lanes.memory.kind.name} are set up already, by all threads, which is the most it can take`,
      )
    }
    return waiter
  }

  /** Once per burst: the rest of a burst's pushes find it scheduled. */
  #schedule(): void {
    this.#scheduled = true
    void settled.then(this.#endTurn)
  }
}

function release(owned: Ownership): void {
  const { lanes, blocked, loop } = owned
  if (owned.lane !== NO_LANE) lanes.releaseLane(owned.lane)
  owned.lane = NO_LANE
  if (blocked !== undefined) freeWaiter(lanes.memory, blocked)
  owned.blocked = undefined
  owned.freeOthers()
  if (loop === undefined) return
  loop.notifier.close()
  wakeUp(lanes.memory, loop.number)
  freeWaiter(lanes.memory, loop.number)
  owned.loop = undefined
  passOn(lanes)
}

const abandoned = new FinalizationRegistry<Ownership>(release)
