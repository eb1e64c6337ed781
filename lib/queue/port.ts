/** A thread's end of a ticket queue: its lane, and when what it has accepted gets published. */
import { isMainThread } from 'node:worker_threads'
import { ArgumentError, ClosedError, FairleadError } from '../errors.js'
import { monotonicNow } from '../runtime/clock.js'
import { endsNoted, onThreadEnd } from '../runtime/thread-ends.js'
import { EventLoopReader, type LoopWaiter, type ReaderPort } from './event-loop-reader.js'
import type { QueueLanes } from './lanes.js'
import { LANE, laneWord, QUEUE_HEADER, QUEUE_SIZES, WAITER_KIND } from './layout.js'
import { type QueueMemory, show } from './memory.js'
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
import { passOn } from './waking.js'
import { publish, writeLane } from './writing.js'

const COUNT = 0xffff
const POSITION_SHIFT = 16
/** Added to a lane's CREDIT: one credit less, one accepted item more. */
const ACCEPT_ONE = (1 << POSITION_SHIFT) - 1
const NO_LANE = -1

const settled = Promise.resolve()

/** What outlives a port that was collected, so that its lane can be given back. */
interface Ownership {
  readonly lanes: QueueLanes
  lane: number
  /** The waiters that this thread has taken. */
  blocked?: number
  loop?: LoopWaiter
}

/** How long a blocked thread sleeps at most, ms, before it looks by itself: see `EventLoopReader`. */
const BACKSTOP_MS = 1000
const LATE_CALL_MS = 100
/** Before the first further try of `QueueLanes.reap`, ms; twice as long before each one after, up to the last. */
const REAP_AGAIN_MS = 5
const REAP_AGAIN_AT_MOST_MS = 1000

export class QueuePort implements ReaderPort {
  readonly lanes: QueueLanes
  readonly #owned: Ownership
  readonly #words: Int32Array
  readonly #items: Uint32Array
  readonly #blockShift: number
  readonly #blockMask: number
  readonly #one = new Uint32Array(1)
  readonly #reader: EventLoopReader = new EventLoopReader(this)
  readonly #endTurn = (): void => {
    this.#scheduled = false
    this.flush()
  }
  /** First word of the own lane; NO_LANE until the first push. */
  #at = NO_LANE
  #scheduled = false
  /** `endsNoted` at the last `reap`. */
  #ends = 0
  #again: NodeJS.Timeout | undefined

  constructor(lanes: QueueLanes) {
    const { memory } = lanes
    this.lanes = lanes
    this.#owned = { lanes, lane: NO_LANE }
    this.#words = memory.words
    this.#items = memory.items
    this.#blockShift = memory.blockShift
    this.#blockMask = memory.blockMask
    abandoned.register(this, this.#owned)
  }

  push(ticket: number): boolean {
    if (typeof ticket !== 'number' || ticket >>> 0 !== ticket) {
      throw new ArgumentError(`push(${show(ticket)}): a ticket is a whole number from 0 to 4294967295`)
    }
    const words = this.#words
    // A push beside a close may come before it, whichever load this is.
    if (words[QUEUE_HEADER.CLOSED] !== 0) throw closed()
    const at = this.#at
    if (at !== NO_LANE) {
      const credit = words[at + LANE.CREDIT] // (Q6) a guess, which the exchange checks
      const accepted = credit >>> POSITION_SHIFT
      if ((credit & COUNT) !== 0 && accepted !== (words[at + LANE.BLOCK_END] & COUNT)) {
        const offset = accepted & this.#blockMask
        this.#items[(words[at + LANE.BLOCK] << this.#blockShift) + offset] = ticket
        if (Atomics.compareExchange(words, at + LANE.CREDIT, credit, (credit + ACCEPT_ONE) | 0) === credit) {
          if (!this.#scheduled) this.#schedule()
          if (offset === this.#blockMask) this.flush()
          return true
        }
      }
    }
    this.#one[0] = ticket
    return this.#accept(this.#one) === 1
  }

  pushMany(tickets: Uint32Array): number {
    if (!(tickets instanceof Uint32Array)) {
      throw new ArgumentError(`pushMany(${show(tickets)}): tickets come in a Uint32Array`)
    }
    if (this.#words[QUEUE_HEADER.CLOSED] !== 0) throw closed()
    return tickets.length === 0 ? 0 : this.#accept(tickets)
  }

  popMany(into: Uint32Array): number {
    if (!(into instanceof Uint32Array)) {
      throw new ArgumentError(`popMany(${show(into)}): tickets are read into a Uint32Array`)
    }
    this.flush()
    const count = this.lanes.popMany(into)
    passOn(this.lanes)
    return count
  }

  /** As `popMany`, but stops the thread until there is something, the time is up or the queue has ended. */
  popWait(into: Uint32Array, timeoutMs: number): number {
    if (isMainThread) {
      throw new ArgumentError(
        'popWait() would stop the main thread, with all its timers and sockets; it is for worker threads: use read() or `for await`',
      )
    }
    if (typeof timeoutMs !== 'number' || !(timeoutMs >= 0)) {
      throw new ArgumentError(`popWait(into, ${show(timeoutMs)}): the time-out takes milliseconds, 0 or more`)
    }
    const { memory } = this.lanes
    const end = monotonicNow() + timeoutMs
    let count = this.popMany(into)
    while (count === 0 && into.length > 0 && !isEnded(memory)) {
      const left = end - monotonicNow()
      if (left <= 0) break
      const waiter = (this.#owned.blocked ??= this.#takeWaiter(WAITER_KIND.BLOCKED))
      fallAsleep(memory, waiter)
      // The second look: what was published before the bit could be seen.
      if (!isAnyReadable(memory) && !isEnded(memory)) this.#sleepOn(futexOf(waiter), left)
      wakeUp(memory, waiter)
      count = this.popMany(into)
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
  read(most: number): { readonly batch: Promise<Uint32Array>; cancel(): void } {
    return this.#reader.read(most)
  }

  loopWaiter(): LoopWaiter {
    if (this.#owned.loop === undefined) {
      const number = this.#takeWaiter(WAITER_KIND.EVENT_LOOP)
      const reader = new WeakRef(this.#reader)
      this.#owned.loop = { number, bell: this.lanes.openBell(number, () => reader.deref()?.ring()) }
    }
    return this.#owned.loop
  }

  flush(): void {
    if (this.#at !== NO_LANE) publish(this.lanes, this.#owned.lane)
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
    // They may have had a call in hand that they can no longer pass on; and an end may wait for their lanes alone.
    passOn(this.lanes)
    return true
  }

  /** Publishes and gives the lane back; the next push takes one again. */
  leave(): void {
    this.flush()
    this.#at = NO_LANE
    release(this.#owned)
  }

  #reapLanes(againMs: number): void {
    if (this.lanes.reap()) return
    clearTimeout(this.#again)
    const next = Math.min(2 * againMs, REAP_AGAIN_AT_MOST_MS)
    this.#again = setTimeout(() => this.#reapLanes(next), againMs).unref()
  }

  #accept(tickets: Uint32Array): number {
    const lane = this.#at === NO_LANE ? this.#takeLane() : this.#owned.lane
    const { lanes } = this
    let accepted = writeLane(lanes, lane, tickets)
    // It may be full of what ended threads have left.
    if (accepted < tickets.length && this.reap())
      accepted += writeLane(lanes, lane, tickets.subarray(accepted))
    if (accepted < tickets.length) {
      lanes.memory.doubles[(this.#at + LANE.REFUSED) >> 1] += tickets.length - accepted
      // A queue full of what nobody can read yet would stay full for producers that push until they succeed.
      publish(lanes, lane)
    }
    if (accepted > 0 && !this.#scheduled) this.#schedule()
    return accepted
  }

  #takeLane(): number {
    const lane = this.lanes.takeLane()
    if (lane === NO_LANE) {
      throw new FairleadError(
        'FAIRLEAD_OVERLOADED',
        `${QUEUE_SIZES.LANES} threads push to this TicketQueue already, which is the most it can take`,
      )
    }
    this.#owned.lane = lane
    this.#at = laneWord(lane)
    startProbes(this.lanes.memory, this.#at)
    return lane
  }

  #takeWaiter(kind: WaiterKind): number {
    const waiter = takeWaiter(this.lanes.memory, kind)
    if (waiter < 0) {
      throw new FairleadError(
        'FAIRLEAD_OVERLOADED',
        `${QUEUE_SIZES.WAITERS} waits for this TicketQueue are set up already, by all threads, which is the most it can take`,
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

const closed = (): ClosedError => new ClosedError('This TicketQueue')

function release(owned: Ownership): void {
  const { lanes, blocked, loop } = owned
  if (owned.lane !== NO_LANE) lanes.releaseLane(owned.lane)
  owned.lane = NO_LANE
  if (blocked !== undefined) freeWaiter(lanes.memory, blocked)
  owned.blocked = undefined
  if (loop === undefined) return
  loop.bell.close()
  wakeUp(lanes.memory, loop.number)
  freeWaiter(lanes.memory, loop.number)
  owned.loop = undefined
  passOn(lanes)
}

const abandoned = new FinalizationRegistry<Ownership>(release)

/** This thread's ports by queue, so that every `TicketQueue` of one queue in one thread is the same producer. */
const ports = new Map<string, WeakRef<QueuePort>>()
const forgotten = new FinalizationRegistry<string>((id) => {
  if (ports.get(id)?.deref() === undefined) ports.delete(id)
})

let isListening = false

/** This thread's port of the queue in `memory`; made by `createLanes` where it has none yet. */
export function portOf(memory: QueueMemory, createLanes: (memory: QueueMemory) => QueueLanes): QueuePort {
  const known = ports.get(memory.id)?.deref()
  if (known !== undefined) return known
  // Accepted items of a thread that ends by process.exit() within a turn are published then.
  if (!isListening) {
    isListening = true
    process.on('exit', leaveAll)
    onThreadEnd(() => {
      for (const one of ports.values()) one.deref()?.reap()
    })
  }
  const port = new QueuePort(createLanes(memory))
  ports.set(memory.id, new WeakRef(port))
  forgotten.register(port, memory.id)
  // Threads may have ended while nobody had the queue open who could hear it.
  port.reap()
  return port
}

function leaveAll(): void {
  for (const port of ports.values()) port.deref()?.leave()
}
