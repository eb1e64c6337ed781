import { CONCURRENCY, concurrencyWord, SEGMENT_SHIFT, SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { ConcurrencyState } from './concurrency-state.js'
import type { Impatience } from './impatience.js'

/** The highest limit of an endpoint that has none of its own. */
const HIGHEST = 1 << 16

/** Four bytes of private memory through which a float32 and its bits become each other. */
const asFloat = new Float32Array(1)
const asInt = new Int32Array(asFloat.buffer)

/** Views of one segment's records. */
interface Views {
  readonly ints: Int32Array
  readonly floats: Float32Array
  readonly doubles: Float64Array
}

/**
 * The record of one endpoint at a time, in shared memory. What every request counts is set by adding the difference to what was read
 * last: so `answers++` loses nothing that other threads count, and a window that is cleared leaves what came meanwhile. (C18)
 * All else is written by one thread at a time, which has the record by `AdaptiveLimits`, or says as much whoever writes it last. (C19)
 */
export class SharedConcurrency implements ConcurrencyState {
  readonly #state: SharedState
  readonly #impatience: Impatience
  readonly #views: Views[] = []
  #ints: Int32Array = new Int32Array(0)
  #floats: Float32Array = new Float32Array(0)
  #doubles: Float64Array = new Float64Array(0)
  #at = 0
  #slot = 0
  // As read last.
  #answers = 0
  #prompt = 0
  #aborts = 0
  #fewAnswers = 0
  #latencySum = 0
  #abortAgeSum = 0
  #fewLatencySum = 0

  constructor(state: SharedState, impatience: Impatience) {
    this.#state = state
    this.#impatience = impatience
  }

  /** Turns to the record of a slot. */
  of(slot: number): this {
    const { ints, floats, doubles } = this.#viewsOf(slot)
    const at = concurrencyWord(slot)
    this.#ints = ints
    this.#floats = floats
    this.#doubles = doubles
    this.#at = at
    this.#slot = slot
    this.#answers = ints[at + CONCURRENCY.ANSWERS]
    this.#prompt = ints[at + CONCURRENCY.PROMPT]
    this.#aborts = ints[at + CONCURRENCY.ABORTS]
    this.#fewAnswers = ints[at + CONCURRENCY.FEW_ANSWERS]
    this.#latencySum = floats[at + CONCURRENCY.LATENCY_SUM]
    this.#abortAgeSum = floats[at + CONCURRENCY.ABORT_AGE_SUM]
    this.#fewLatencySum = floats[at + CONCURRENCY.FEW_LATENCY_SUM]
    return this
  }

  #viewsOf(slot: number): Views {
    const segment = slot >>> SEGMENT_SHIFT
    const known = this.#views[segment]
    if (known !== undefined) return known
    const ints = this.#state.segments[segment].concurrency
    const { buffer } = ints
    const views = { ints, floats: new Float32Array(buffer), doubles: new Float64Array(buffer) }
    this.#views[segment] = views
    return views
  }

  /** The highest limit that it may have. */
  get max(): number {
    return this.#state.peek(this.#slot, SLOT.MOST) || HIGHEST
  }

  /** Unanswered requests allowed; 0: there is no such limit. */
  get found(): number {
    return this.#ints[this.#at + CONCURRENCY.LIMIT]
  }

  get limit(): number {
    return this.found || this.max
  }

  set limit(value: number) {
    Atomics.store(this.#ints, this.#at + CONCURRENCY.LIMIT, value) // (S6) then `publishLimit`
  }

  /** Mean latency of about the last sixteen answers, ms; 0: unknown. */
  get meanMs(): number {
    return this.#floats[this.#at + CONCURRENCY.MEAN_MS]
  }

  set meanMs(value: number) {
    this.#floats[this.#at + CONCURRENCY.MEAN_MS] = value
  }

  // Counted by every request.

  get answers(): number {
    this.#answers = this.#ints[this.#at + CONCURRENCY.ANSWERS]
    return this.#answers
  }

  set answers(value: number) {
    this.#addInt(CONCURRENCY.ANSWERS, value - this.#answers)
    this.#answers = value
  }

  get prompt(): number {
    this.#prompt = this.#ints[this.#at + CONCURRENCY.PROMPT]
    return this.#prompt
  }

  set prompt(value: number) {
    this.#addInt(CONCURRENCY.PROMPT, value - this.#prompt)
    this.#prompt = value
  }

  get aborts(): number {
    this.#aborts = this.#ints[this.#at + CONCURRENCY.ABORTS]
    return this.#aborts
  }

  set aborts(value: number) {
    this.#addInt(CONCURRENCY.ABORTS, value - this.#aborts)
    this.#aborts = value
  }

  get fewAnswers(): number {
    this.#fewAnswers = this.#ints[this.#at + CONCURRENCY.FEW_ANSWERS]
    return this.#fewAnswers
  }

  set fewAnswers(value: number) {
    this.#addInt(CONCURRENCY.FEW_ANSWERS, value - this.#fewAnswers)
    this.#fewAnswers = value
  }

  get latencySum(): number {
    this.#latencySum = this.#floats[this.#at + CONCURRENCY.LATENCY_SUM]
    return this.#latencySum
  }

  set latencySum(value: number) {
    this.#addFloat(CONCURRENCY.LATENCY_SUM, value - this.#latencySum)
    this.#latencySum = value
  }

  get abortAgeSum(): number {
    this.#abortAgeSum = this.#floats[this.#at + CONCURRENCY.ABORT_AGE_SUM]
    return this.#abortAgeSum
  }

  set abortAgeSum(value: number) {
    this.#addFloat(CONCURRENCY.ABORT_AGE_SUM, value - this.#abortAgeSum)
    this.#abortAgeSum = value
  }

  get fewLatencySum(): number {
    this.#fewLatencySum = this.#floats[this.#at + CONCURRENCY.FEW_LATENCY_SUM]
    return this.#fewLatencySum
  }

  set fewLatencySum(value: number) {
    this.#addFloat(CONCURRENCY.FEW_LATENCY_SUM, value - this.#fewLatencySum)
    this.#fewLatencySum = value
  }

  #addInt(field: number, delta: number): void {
    if (delta !== 0) Atomics.add(this.#ints, this.#at + field, delta) // (C18) no count is lost
  }

  #addFloat(field: number, delta: number): void {
    if (delta === 0) return
    const at = this.#at + field
    let seen = this.#ints[at] // (C18) a guess, which the exchange checks
    for (;;) {
      asInt[0] = seen
      // A sum that was cleared while something was added to it may be a rounding error below nothing.
      asFloat[0] = Math.max(0, asFloat[0] + delta)
      const before = Atomics.compareExchange(this.#ints, at, seen, asInt[0]) // (C18) nothing added is lost
      if (before === seen) return
      seen = before
    }
  }

  // One thread at a time, or whoever is last.

  get windowStart(): number {
    return this.#doubles[(this.#at + CONCURRENCY.WINDOW_START) >> 1]
  }

  set windowStart(value: number) {
    this.#doubles[(this.#at + CONCURRENCY.WINDOW_START) >> 1] = value
  }

  get late(): number {
    return this.#ints[this.#at + CONCURRENCY.LATE]
  }

  set late(value: number) {
    this.#ints[this.#at + CONCURRENCY.LATE] = value
  }

  get reached(): number {
    return this.#ints[this.#at + CONCURRENCY.REACHED]
  }

  set reached(value: number) {
    this.#ints[this.#at + CONCURRENCY.REACHED] = value
  }

  get fewInFlight(): number {
    return Math.max(1, this.#ints[this.#at + CONCURRENCY.FEW_IN_FLIGHT])
  }

  set fewInFlight(value: number) {
    this.#ints[this.#at + CONCURRENCY.FEW_IN_FLIGHT] = value
  }

  get baseMs(): number {
    return this.#floats[this.#at + CONCURRENCY.BASE_MS]
  }

  set baseMs(value: number) {
    this.#floats[this.#at + CONCURRENCY.BASE_MS] = value
  }

  get phase(): number {
    return this.#ints[this.#at + CONCURRENCY.PHASE]
  }

  set phase(value: number) {
    this.#ints[this.#at + CONCURRENCY.PHASE] = value
  }

  get draining(): number {
    return this.#ints[this.#at + CONCURRENCY.DRAINING]
  }

  set draining(value: number) {
    this.#ints[this.#at + CONCURRENCY.DRAINING] = value
  }

  get cutAt(): number {
    return this.#doubles[(this.#at + CONCURRENCY.CUT_AT) >> 1]
  }

  set cutAt(value: number) {
    this.#doubles[(this.#at + CONCURRENCY.CUT_AT) >> 1] = value
  }

  /** Of the service as a whole. */
  get impatientAt(): number {
    return this.#impatience.notedAt
  }

  set impatientAt(_now: number) {
    this.#impatience.note()
  }

  get probedAt(): number {
    return this.#doubles[(this.#at + CONCURRENCY.PROBED_AT) >> 1]
  }

  set probedAt(value: number) {
    this.#doubles[(this.#at + CONCURRENCY.PROBED_AT) >> 1] = value
  }

  get neededAt(): number {
    return this.#doubles[(this.#at + CONCURRENCY.NEEDED_AT) >> 1]
  }

  set neededAt(value: number) {
    this.#doubles[(this.#at + CONCURRENCY.NEEDED_AT) >> 1] = value
  }

  get baseSamples(): number {
    return this.#floats[this.#at + CONCURRENCY.BASE_SAMPLES]
  }

  set baseSamples(value: number) {
    this.#floats[this.#at + CONCURRENCY.BASE_SAMPLES] = value
  }

  get work(): number {
    return this.#floats[this.#at + CONCURRENCY.WORK]
  }

  set work(value: number) {
    this.#floats[this.#at + CONCURRENCY.WORK] = value
  }

  get rateAnswers(): number {
    return this.#floats[this.#at + CONCURRENCY.RATE_ANSWERS]
  }

  set rateAnswers(value: number) {
    this.#floats[this.#at + CONCURRENCY.RATE_ANSWERS] = value
  }

  get rateMs(): number {
    return this.#floats[this.#at + CONCURRENCY.RATE_MS]
  }

  set rateMs(value: number) {
    this.#floats[this.#at + CONCURRENCY.RATE_MS] = value
  }

  get probeWait(): number {
    return this.#floats[this.#at + CONCURRENCY.PROBE_WAIT]
  }

  set probeWait(value: number) {
    this.#floats[this.#at + CONCURRENCY.PROBE_WAIT] = value
  }
}
