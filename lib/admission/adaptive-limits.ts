import {
  CONCURRENCY,
  concurrencyWord,
  SEGMENT_SHIFT,
  SLOT,
  SLOT_FLAGS,
  TICKS_PER_MS,
} from '../engine/layout.js'
import { publishLimit } from '../engine/limit.js'
import type { SharedState } from '../engine/state.js'
import { isPast } from '../engine/tickets.js'
import { isCrowded, lift, rollWindow } from './concurrency-limit.js'
import { noteAbort, noteAnswer, noteSent, OPEN } from './concurrency-state.js'
import type { Impatience } from './impatience.js'
import { countPlainAnswer, meanAfter, SharedConcurrency } from './shared-concurrency.js'

/**
 * A request that is unanswered for longer than so many mean latencies of its endpoint, and ms, does not wait in line: it is lost, or a long
 * poll. At the limit that was found, latency is about two bases.
 */
const OVERDUE_ANSWERS = 10
const OVERDUE_MS = 500
/** The same where nothing was ever answered, ms. */
const OVERDUE_UNKNOWN_MS = 20_000
/** Between two looks at all endpoints of a service, ms. */
const LOOK_MS = 45
/** ms after which a record is taken from a thread that is at work on it: it has ended, or is held. */
const HELD_MS = 1_000

/**
 * How many requests each endpoint of a service is given at once, found out over all threads: what requests tell, and when the limit
 * is set anew. Only of those that are *unanswered*: an open stream is no work that waits.
 */
export class AdaptiveLimits {
  readonly #state: SharedState
  readonly #record: SharedConcurrency

  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(state: SharedState, impatience: Impatience) {
    this.#state = state
    this.#record = new SharedConcurrency(state, impatience)
  }

  /** A request was sent at `now`, ms. True: to be handed back with its answer. */
  sent(slot: number, now: number): boolean {
    if (!this.isOn(slot)) return false
    // Most have no limit that was found, and then there is nothing to note.
    if (this.#state.peek(slot, SLOT.LIMIT) >= 0) return this.#unanswered(slot) <= this.#fewInFlight(slot)
    return noteSent(this.#record.of(slot), now, this.#unanswered(slot))
  }

  /** A good answer came at `now`, `latencyMs` after it was sent. `few` is what `sent` said. */
  answered(slot: number, now: number, latencyMs: number, few: boolean): void {
    if (!this.isOn(slot)) return
    if (countPlainAnswer(this.#record.viewsOf(slot), concurrencyWord(slot), now, latencyMs, few)) return
    const record = this.#record.of(slot)
    const unanswered = this.#unanswered(slot)
    record.meanMs = meanAfter(record.meanMs, latencyMs)
    if (noteAnswer(record, now, latencyMs, unanswered, few)) this.#roll(slot, now, unanswered)
  }

  /** A caller gave up at `now` on a request that was sent `ageMs` before and was not answered. */
  aborted(slot: number, now: number, ageMs: number): void {
    if (!this.isOn(slot)) return
    const unanswered = this.#unanswered(slot)
    if (noteAbort(this.#record.of(slot), now, ageMs, unanswered)) this.#roll(slot, now, unanswered)
  }

  /** A request is answered, or over. Call before `answered` and `aborted`. `startedAt`: when it was sent, ms. */
  ended(slot: number, startedAt: number): void {
    const { concurrency } = this.#state.segments[slot >>> SEGMENT_SHIFT]
    const at = concurrencyWord(slot)
    if (concurrency[at + CONCURRENCY.OVERDUE] === 0 && concurrency[at + CONCURRENCY.AGING] === 0) return
    const record = this.#record.of(slot)
    if (startedAt <= record.overdueAt) {
      record.overdue = Math.max(0, record.overdue - 1)
      publishLimit(this.#state.segments[slot >>> SEGMENT_SHIFT], slot)
    } else if (startedAt <= record.agingAt) record.aging = Math.max(0, record.aging - 1)
  }

  /**
   * Nobody found a place at `now`, ms, on any of these endpoints. A request that an endpoint has lost, or a long poll, must not keep its place
   * from all others: where one is at its limit, what it has had for long counts no more. True: there are places now.
   */
  relieve(endpoints: readonly { readonly slot: number }[], now: number): boolean {
    if (now - this.#lookedAt < LOOK_MS) return false
    this.#lookedAt = now
    let hasMore = false
    for (const { slot } of endpoints) if (this.#relieve(slot, now)) hasMore = true
    return hasMore
  }

  #relieve(slot: number, now: number): boolean {
    if (this.#state.peek(slot, SLOT.LIMIT) >= 0 || this.#state.places(slot, 1) > 0) return false
    const record = this.#record.of(slot)
    const age = now - record.agingAt
    if (age < overdueMs(record.meanMs) || !this.#begin(slot, now)) return false
    // What was sent before `agingAt` is as old as that by now; what came since begins to age.
    const aged = record.aging
    record.overdueAt = record.agingAt
    record.agingAt = now
    const overdue = Math.min(record.overdue + aged, this.#allUnanswered(slot))
    record.aging = this.#allUnanswered(slot) - overdue
    record.overdue = overdue
    if (isCrowded(record, overdue)) lift(record, now, record.max)
    this.#finish(slot)
    return aged > 0
  }

  /** Latency with few requests in flight, ms; 0: unknown, or not measured. */
  baseMs(slot: number): number {
    return this.isOn(slot) ? this.#record.of(slot).baseMs : 0
  }

  /** Mean latency of the last answers, ms; 0: unknown, or not measured. */
  meanMs(slot: number): number {
    return this.isOn(slot) ? this.#record.of(slot).meanMs : 0
  }

  #fewInFlight(slot: number): number {
    const { concurrency } = this.#state.segments[slot >>> SEGMENT_SHIFT]
    return Math.max(1, concurrency[concurrencyWord(slot) + CONCURRENCY.FEW_IN_FLIGHT])
  }

  /** Whether the endpoint's limit is found out. */
  isOn(slot: number): boolean {
    return (this.#state.peek(slot, SLOT.FLAGS) & SLOT_FLAGS.ADAPTIVE) !== 0
  }

  /** Requests that are unanswered, and not overdue. */
  #unanswered(slot: number): number {
    const { concurrency } = this.#state.segments[slot >>> SEGMENT_SHIFT]
    return Math.max(0, this.#allUnanswered(slot) - concurrency[concurrencyWord(slot) + CONCURRENCY.OVERDUE])
  }

  #allUnanswered(slot: number): number {
    return Math.max(0, this.#state.peek(slot, SLOT.IN_FLIGHT) - this.#state.peek(slot, SLOT.OPEN))
  }

  #roll(slot: number, now: number, unanswered: number): void {
    if (!this.#begin(slot, now)) return
    const record = this.#record.of(slot)
    rollWindow(record, now, unanswered, record.max)
    // Those of a thread that has ended went without a word.
    record.overdue = Math.min(record.overdue, this.#allUnanswered(slot))
    this.#finish(slot)
  }

  /** (C19) Of several that see a window end one sets the limit; others go on counting. False: another is at it. */
  #begin(slot: number, now: number): boolean {
    const { concurrency } = this.#state.segments[slot >>> SEGMENT_SHIFT]
    const lock = concurrencyWord(slot) + CONCURRENCY.ROLLING
    const ticks = (now * TICKS_PER_MS) | 0
    const held = concurrency[lock]
    if (held !== 0 && !isPast((held + HELD_MS * TICKS_PER_MS) | 1, ticks)) return false
    return Atomics.compareExchange(concurrency, lock, held, ticks | 1) === held
  }

  /** Puts in force what was decided. */
  #finish(slot: number): void {
    const record = this.#record.of(slot)
    if (record.phase === OPEN) record.limit = 0
    const segment = this.#state.segments[slot >>> SEGMENT_SHIFT]
    publishLimit(segment, slot)
    Atomics.store(segment.concurrency, concurrencyWord(slot) + CONCURRENCY.ROLLING, 0) // (C19) after all that was written
  }
}

const overdueMs = (meanMs: number): number =>
  meanMs === 0 ? OVERDUE_UNKNOWN_MS : Math.max(OVERDUE_MS, OVERDUE_ANSWERS * meanMs)
