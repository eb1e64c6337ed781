import { bucketOf } from '../engine/atomics/histogram.js'
import { SERVICE, TICKET, TICKET_STATE, TICKS_PER_MS, TIERS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { NO_TICKET, stateOf, stateWord, ticketWord, useOf } from '../engine/tickets.js'
import type { TimerHandle, Timers } from '../runtime/timers.js'
import { unharmed } from '../runtime/unharmed.js'
import { Grants, HELD_MS } from './grants.js'
import { PassedThreads } from './passed-threads.js'
import { NO_PLACE, ServiceCount } from './service-count.js'
import { Standing } from './standing.js'
import type { ThreadWaits } from './thread-waits.js'
import type { Places, Stay, Waiter } from './waiter.js'

/** A line has no more tickets than this many times `queue.limit`, those included whose requests have left it. */
const LINE_FACTOR = 2

interface Entry<Request, Place> extends Stay {
  readonly waiter: Waiter<Request, Place>
  readonly ticket: number
  readonly since: number
  timer: TimerHandle | undefined
  isOver: boolean
  /** It was granted a place, and has not taken one. */
  isGranted: boolean
  /**
   * It has had its turn, and did not get a place: it is out of the line, and tries each place that becomes free. Either another
   * request took the place that it was granted, one that had seen nobody wait: then the grant stays its own, and nobody
   * in line has the next place before it. Or it could not use the place that was free: then it is one of several that try.
   */
  isPassed: boolean
}

/**
 * The admission queue of one service, over all threads: requests that find no place wait in it, first come, first served
 * within a tier. A place that becomes free is not handed over: the first in line is *granted* the right to take one, in
 * whichever thread it is, and takes it by its own policy. As long as anybody waits, nobody else takes one (`isWaitedFor`).
 *
 * Grants never exceed the places that are free, as whoever grants counts them. What is lost with a thread, or lies with one
 * that is held, is granted anew: by the next request that ends, and every 50 ms by each thread that has somebody waiting.
 * docs/concurrency/admission.md has the words and their orders.
 */
export class AdmissionQueue<Request, Place> {
  readonly #state: SharedState
  readonly #service: number
  readonly #timers: Timers
  readonly #waits: ThreadWaits
  readonly #places: Places<Request, Place>
  readonly #waiting: ServiceCount
  readonly #standing: Standing
  readonly #grants: Grants
  readonly #passedThreads: PassedThreads
  readonly #words: Int32Array
  readonly #at: number
  /** This thread's waiting requests, by tier, in line. */
  readonly #inLine: Set<Entry<Request, Place>>[] = Array.from({ length: TIERS }, () => new Set())
  readonly #passed = new Set<Entry<Request, Place>>()
  readonly #byTicket = new Map<number, Entry<Request, Place>>()
  #tick: TimerHandle | undefined
  #isOffering = false
  #offerAgain = false

  constructor(
    state: SharedState,
    service: number,
    timers: Timers,
    waits: ThreadWaits,
    places: Places<Request, Place>,
  ) {
    this.#state = state
    this.#service = service
    this.#timers = timers
    this.#waits = waits
    this.#places = places
    this.#waiting = ServiceCount.waiting(state, service)
    this.#standing = new Standing(state, service, this.#waiting)
    this.#grants = new Grants(state, service)
    this.#passedThreads = new PassedThreads(state, service)
    this.#words = state.serviceWords(service)
    this.#at = state.serviceField(service, 0)
  }

  /** Whether anybody waits, in any thread: then a place is theirs. */
  get isWaitedFor(): boolean {
    return this.#waiting.value !== 0
  }

  /** Requests that wait, of all threads. */
  get waiting(): number {
    return this.#waiting.value
  }

  /** See `Standing.busyMs`. */
  busyMs(tier: number, standingMs: number): number {
    return this.#standing.busyMs(tier, this.#ticks(), standingMs)
  }

  /**
   * Has a request wait for a place. Undefined where `limit` requests wait already, or a line is full. Its place may come
   * before this returns.
   */
  wait(waiter: Waiter<Request, Place>, limit: number): Stay | undefined {
    const entry = this.#join(waiter, limit)
    if (entry === undefined) {
      this.#count(SERVICE.REFUSED)
      return undefined
    }
    // A place that became free before this one was in sight has been offered to nobody. (A9)
    this.#offer(false)
    return entry
  }

  #join(waiter: Waiter<Request, Place>, limit: number): Entry<Request, Place> | undefined {
    const { lines } = this.#state
    const { tier } = waiter
    if (!this.#openLine(tier) || !this.#hasRoom(tier, LINE_FACTOR * limit)) return undefined
    const ticket = this.#waits.pool.take()
    if (ticket === NO_TICKET) return undefined
    const before = this.#waiting.enter(limit)
    if (before === NO_PLACE) {
      this.#waits.pool.give(ticket)
      return undefined
    }
    const ticks = this.#ticks()
    if (before === 0) this.#grants.begin()
    this.#standing.begins(tier, ticks, waiter.standingMs ?? 0, before)
    const since = this.#state.core.now()
    const entry: Entry<Request, Place> = {
      waiter,
      ticket,
      since,
      timer: undefined,
      isOver: false,
      isGranted: false,
      isPassed: false,
      leave: () => this.#leave(entry),
    }
    this.#state.tickets[ticketWord(ticket) + TICKET.BOUND] = (ticks + waiter.longestMs * TICKS_PER_MS) | 1
    this.#byTicket.set(ticket, entry)
    this.#inLine[tier].add(entry)
    this.#watch()
    entry.timer = this.#timers.after(waiter.longestMs, () => this.#timedOut(entry))
    if (waiter.isRestricted) this.#pass(entry)
    else if (!lines.join(this.#service, tier, ticket)) {
      this.#settle(entry)
      return undefined
    }
    return entry
  }

  /**
   * Whether a line has fewer tickets than that. Where it has not, those whose requests have left it go: nobody grants while
   * no place becomes free. The first one that waits is granted a try then, and keeps its turn beside the line.
   */
  #hasRoom(tier: number, most: number): boolean {
    const { lines } = this.#state
    if (lines.lengthOf(this.#service, tier) < most) return true
    const entry = this.#byTicket.get(lines.grantNext(this.#service, this.#ticks()))
    if (entry !== undefined) this.#takeGranted(entry)
    return lines.lengthOf(this.#service, tier) < most
  }

  #openLine(tier: number): boolean {
    const { lines } = this.#state
    if (!lines.needsHead(this.#service, tier)) return true
    const ticket = this.#waits.pool.take()
    if (ticket === NO_TICKET) return false
    lines.open(this.#service, tier, ticket)
    // Also where it stands at the head now: it may be used again once the line has moved past it.
    this.#waits.pool.give(ticket)
    return true
  }

  /** To be called when a place may have become free: grants as many as there are. */
  offer(): void {
    this.#offer(true)
  }

  /** @param isFreed a place may have become free: others that were passed over are to try it as well */
  #offer(isFreed: boolean): void {
    if (this.#isOffering) {
      this.#offerAgain = true
      return
    }
    if (!this.isWaitedFor) return
    this.#isOffering = true
    try {
      do {
        const isAgain = this.#offerAgain
        this.#offerAgain = false
        this.#offerOnce(isFreed || isAgain)
      } while (this.#offerAgain)
    } finally {
      this.#isOffering = false
    }
  }

  #offerOnce(isFreed: boolean): void {
    const { lines } = this.#state
    this.#tryPassed()
    if (isFreed) this.#passedThreads.callOthers()
    const isFree = (granted: number): boolean => this.#places.free(granted + 1) > granted
    for (;;) {
      const turnedAway = this.#grants.turnedAway
      if (!this.#grants.reserve(isFree)) return
      const ticket = lines.grantNext(this.#service, this.#ticks())
      this.#grants.takeBack()
      if (ticket === NO_TICKET) {
        // Who joined meanwhile, and was turned away by the reservation, is to be granted the place.
        if (this.#grants.turnedAway === turnedAway) return
        continue
      }
      const entry = this.#byTicket.get(ticket)
      if (entry !== undefined) this.#takeGranted(entry)
      else Atomics.add(this.#words, this.#at + SERVICE.WAKE_UPS, 1)
    }
  }

  /** Another thread has called this one: some of its requests have been granted a place, or may try those that are free. */
  called(): void {
    if (this.#byTicket.size === 0) return
    for (const line of this.#inLine) {
      for (const entry of line) {
        const state = this.#stateOf(entry)
        // Those behind it have not been granted anything either.
        if (state === TICKET_STATE.WAITING) break
        if (state === TICKET_STATE.GRANTED) this.#takeGranted(entry)
        else if (state === TICKET_STATE.REVOKED) this.#take(entry)
        else if (state === TICKET_STATE.LATE) this.#late(entry)
      }
    }
    this.offer()
  }

  /** All of this thread's requests fail. */
  fail(error: () => unknown): void {
    for (const entry of [...this.#byTicket.values()]) {
      this.#giveUp(entry)
      unharmed(() => entry.waiter.failed(error()))
    }
  }

  // One request.

  /** It was granted a place. */
  #takeGranted(entry: Entry<Request, Place>): void {
    entry.isGranted = true
    this.#take(entry)
  }

  #dropGrant(entry: Entry<Request, Place>): void {
    if (!entry.isGranted) return
    entry.isGranted = false
    // Where it was revoked, whoever did that has counted it.
    if (this.#stateOf(entry) !== TICKET_STATE.GRANTED) return
    this.#grants.takeBack()
    this.#exchange(entry, TICKET_STATE.GRANTED, TICKET_STATE.FREE)
  }

  /** It is its turn. */
  #take(entry: Entry<Request, Place>): void {
    this.#takeOnce(entry)
    if (this.#offerAgain && !this.#isOffering) this.#offer(false)
  }

  /** What its caller throws is not that of the request which has just ended, and gave it the place. */
  #takeOnce(entry: Entry<Request, Place>): void {
    const { waiter } = entry
    let place: Place | undefined
    try {
      place = this.#placeFor(waiter.request)
    } catch (error) {
      this.#giveUp(entry)
      unharmed(() => waiter.failed(error))
      return
    }
    if (place === undefined) {
      if (this.#places.free(1) > 0) this.#dropGrant(entry)
      this.#pass(entry)
      return
    }
    const own = place
    this.#dropGrant(entry)
    this.#record(entry)
    this.#settle(entry)
    this.#count(SERVICE.ADMITTED)
    unharmed(() => waiter.placed(own))
  }

  /**
   * Others may appear while it is looked for: with a configuration that is taken over, of requests that are lost. They are offered after it,
   * or the same request would be at its turn twice.
   */
  #placeFor(request: Request): Place | undefined {
    const isOffering = this.#isOffering
    this.#isOffering = true
    try {
      return this.#places.take(request)
    } finally {
      this.#isOffering = isOffering
    }
  }

  #pass(entry: Entry<Request, Place>): void {
    if (entry.isPassed) return
    entry.isPassed = true
    this.#inLine[entry.waiter.tier].delete(entry)
    this.#passed.add(entry)
    if (this.#passed.size > 1) return
    this.#passedThreads.mark()
    // A place that became free after it had tried, and before it was marked, was offered to nobody. (A10)
    this.#offerAgain = true
  }

  #timedOut(entry: Entry<Request, Place>): void {
    entry.timer = undefined
    if (this.#stateOf(entry) === TICKET_STATE.GRANTED) this.#takeGranted(entry)
    if (!entry.isOver) this.#late(entry)
  }

  #late(entry: Entry<Request, Place>): void {
    this.#giveUp(entry)
    this.#count(SERVICE.LATE)
    this.#standing.noteWait(entry.waiter.tier, true)
    unharmed(() => entry.waiter.late())
    this.offer()
  }

  #leave(entry: Entry<Request, Place>): void {
    if (entry.isOver) return
    this.#giveUp(entry)
    this.#count(SERVICE.LEFT)
    entry.waiter.left?.()
    // What it was granted is the next one's.
    this.offer()
  }

  #giveUp(entry: Entry<Request, Place>): void {
    if (!this.#exchange(entry, TICKET_STATE.WAITING, TICKET_STATE.LEFT)) {
      entry.isGranted = true
      this.#dropGrant(entry)
    }
    this.#settle(entry)
  }

  /** It waits no more, and its ticket is in no state that others look at. */
  #settle(entry: Entry<Request, Place>): void {
    entry.isOver = true
    entry.timer?.cancel()
    this.#byTicket.delete(entry.ticket)
    this.#inLine[entry.waiter.tier].delete(entry)
    if (this.#passed.delete(entry) && this.#passed.size === 0) this.#passedThreads.unmark()
    this.#waits.pool.give(entry.ticket)
    this.#waiting.leave()
    this.#standing.ends(entry.waiter.tier, this.#ticks())
    if (this.#byTicket.size === 0) this.#unwatch()
  }

  #tryPassed(): void {
    for (const entry of this.#passed) this.#take(entry)
  }

  // Threads that are held, or are no more.

  #watch(): void {
    if (this.#byTicket.size !== 1) return
    this.#waits.begin(this)
    this.#tick = this.#timers.after(HELD_MS, () => this.#onTick())
  }

  #unwatch(): void {
    this.#waits.end(this)
    this.#tick?.cancel()
    this.#tick = undefined
    this.#grants.forget()
  }

  #onTick(): void {
    this.#tick = this.#timers.after(HELD_MS, () => this.#onTick())
    if (this.#grants.count > 0 && this.#places.free(1) > 0) this.#grants.takeBackHeld(this.#ticks())
    else this.#grants.forget()
    this.#places.relieve?.()
    this.called()
  }

  // Words.

  #stateOf({ ticket }: Entry<Request, Place>): number {
    return stateOf(Atomics.load(this.#state.tickets, ticketWord(ticket) + TICKET.STATE))
  }

  #exchange({ ticket }: Entry<Request, Place>, from: number, to: number): boolean {
    const { tickets } = this.#state
    const at = ticketWord(ticket) + TICKET.STATE
    const word = Atomics.load(tickets, at)
    if (stateOf(word) !== from) return false
    // (A3) Either it is granted a place, or it has left.
    return Atomics.compareExchange(tickets, at, word, stateWord(useOf(word), to)) === word
  }

  #ticks(): number {
    return (this.#state.core.now() * TICKS_PER_MS) | 0
  }

  #count(field: number): void {
    this.#state.countService(this.#service, field)
  }

  #record(entry: Entry<Request, Place>): void {
    const waited = this.#state.core.now() - entry.since
    Atomics.add(this.#words, this.#at + SERVICE.WAITS + bucketOf(waited), 1)
    this.#standing.noteWait(entry.waiter.tier, waited > (entry.waiter.shortMs ?? 0))
  }
}
