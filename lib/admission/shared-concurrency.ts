import { CONCURRENCY, concurrencyWord, SEGMENT_SHIFT, SLOT, TICKS_PER_MS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { type ConcurrencyState, LATE_BASES, LEAST_WINDOW_MS, OPEN } from './concurrency-state.js'
import type { Impatience } from './impatience.js'

/** The highest limit of an endpoint that has none of its own. */
const HIGHEST = 1 << 16

const ticksOf = (ms: number): number => (ms * TICKS_PER_MS) | 0

/** Views of one segment's records. */
export interface Views {
  readonly ints: Int32Array
  readonly floats: Float32Array
  readonly doubles: Float64Array
}

/**
 * The record of one endpoint at a time, in shared memory. All of it plain: it is there to estimate, and two threads that count at the
 * same moment lose one count, one in thousands, where an exact count would cost every request some 100 ns. (C18) Words that make a
 * decision are written by one thread at a time, which has the record by `AdaptiveLimits`. (C19)
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

  constructor(state: SharedState, impatience: Impatience) {
    this.#state = state
    this.#impatience = impatience
  }

  /** Turns to the record of a slot. */
  of(slot: number): this {
    const { ints, floats, doubles } = this.viewsOf(slot)
    const at = concurrencyWord(slot)
    this.#ints = ints
    this.#floats = floats
    this.#doubles = doubles
    this.#at = at
    this.#slot = slot
    return this
  }

  viewsOf(slot: number): Views {
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

  /** Unanswered requests that do not count, and when the last of them was sent at the latest, ms. */
  get overdue(): number {
    return this.#ints[this.#at + CONCURRENCY.OVERDUE]
  }

  set overdue(value: number) {
    Atomics.store(this.#ints, this.#at + CONCURRENCY.OVERDUE, value) // (S6) then `publishLimit`
  }

  get overdueAt(): number {
    return this.#doubles[(this.#at + CONCURRENCY.OVERDUE_AT) >> 1]
  }

  set overdueAt(value: number) {
    this.#doubles[(this.#at + CONCURRENCY.OVERDUE_AT) >> 1] = value
  }

  /** Unanswered requests that were sent before `agingAt`, ms, and count: the next to be overdue. */
  get aging(): number {
    return this.#ints[this.#at + CONCURRENCY.AGING]
  }

  set aging(value: number) {
    this.#ints[this.#at + CONCURRENCY.AGING] = value
  }

  get agingAt(): number {
    return this.#doubles[(this.#at + CONCURRENCY.AGING_AT) >> 1]
  }

  set agingAt(value: number) {
    this.#doubles[(this.#at + CONCURRENCY.AGING_AT) >> 1] = value
  }

  get windowStart(): number {
    return this.#doubles[(this.#at + CONCURRENCY.WINDOW_START) >> 1]
  }

  set windowStart(value: number) {
    this.#doubles[(this.#at + CONCURRENCY.WINDOW_START) >> 1] = value
  }

  get answers(): number {
    return this.#ints[this.#at + CONCURRENCY.ANSWERS]
  }

  set answers(value: number) {
    this.#ints[this.#at + CONCURRENCY.ANSWERS] = value
  }

  get latencySum(): number {
    return this.#floats[this.#at + CONCURRENCY.LATENCY_SUM]
  }

  set latencySum(value: number) {
    this.#floats[this.#at + CONCURRENCY.LATENCY_SUM] = value
  }

  get prompt(): number {
    return this.#ints[this.#at + CONCURRENCY.PROMPT]
  }

  set prompt(value: number) {
    this.#ints[this.#at + CONCURRENCY.PROMPT] = value
  }

  get aborts(): number {
    return this.#ints[this.#at + CONCURRENCY.ABORTS]
  }

  set aborts(value: number) {
    this.#ints[this.#at + CONCURRENCY.ABORTS] = value
  }

  get abortAgeSum(): number {
    return this.#floats[this.#at + CONCURRENCY.ABORT_AGE_SUM]
  }

  set abortAgeSum(value: number) {
    this.#floats[this.#at + CONCURRENCY.ABORT_AGE_SUM] = value
  }

  get fewAnswers(): number {
    return this.#ints[this.#at + CONCURRENCY.FEW_ANSWERS]
  }

  set fewAnswers(value: number) {
    this.#ints[this.#at + CONCURRENCY.FEW_ANSWERS] = value
  }

  get fewLatencySum(): number {
    return this.#floats[this.#at + CONCURRENCY.FEW_LATENCY_SUM]
  }

  set fewLatencySum(value: number) {
    this.#floats[this.#at + CONCURRENCY.FEW_LATENCY_SUM] = value
  }

  /** To a sixteenth of a ms. */
  get answeredSentAt(): number {
    const now = this.#state.core.now()
    const sinceTicks = (ticksOf(now) - this.#ints[this.#at + CONCURRENCY.ANSWERED_SENT]) | 0
    // Ticks come around every 75 hours. What seems to lie ahead is of long ago.
    return sinceTicks < 0 ? 0 : now - sinceTicks / TICKS_PER_MS
  }

  set answeredSentAt(value: number) {
    this.#ints[this.#at + CONCURRENCY.ANSWERED_SENT] = ticksOf(value)
  }

  get late(): number {
    return this.#ints[this.#at + CONCURRENCY.LATE]
  }

  set late(value: number) {
    this.#ints[this.#at + CONCURRENCY.LATE] = value
  }

  get overtaken(): number {
    return this.#ints[this.#at + CONCURRENCY.OVERTAKEN]
  }

  set overtaken(value: number) {
    this.#ints[this.#at + CONCURRENCY.OVERTAKEN] = value
  }

  get pollsAt(): number {
    return this.#doubles[(this.#at + CONCURRENCY.POLLS_AT) >> 1]
  }

  set pollsAt(value: number) {
    this.#doubles[(this.#at + CONCURRENCY.POLLS_AT) >> 1] = value
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

  get busyAt(): number {
    return this.#doubles[(this.#at + CONCURRENCY.BUSY_AT) >> 1]
  }

  set busyAt(value: number) {
    this.#doubles[(this.#at + CONCURRENCY.BUSY_AT) >> 1] = value
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

/** Answers in the mean latency. */
const REMEMBERED = 16

/** As `meanMs` after one more answer. */
export const meanAfter = (mean: number, latencyMs: number): number =>
  mean === 0 ? latencyMs : mean + (latencyMs - mean) * (1 / REMEMBERED)

/**
 * What nearly every answer is: there is no limit, the base is known, no queue stands there, and the window has just begun. Then it is
 * counted and nothing is due; false where it is another one, which `noteAnswer` sees to. The same, at a third of the time.
 */
export function countPlainAnswer(
  { ints, floats, doubles }: Views,
  at: number,
  now: number,
  latencyMs: number,
  few: boolean,
): boolean {
  const age = now - doubles[(at + CONCURRENCY.WINDOW_START) >> 1]
  const base = floats[at + CONCURRENCY.BASE_MS]
  const isPlain =
    age < LEAST_WINDOW_MS &&
    base > 0 &&
    latencyMs <= LATE_BASES * base &&
    ints[at + CONCURRENCY.PHASE] === OPEN &&
    ints[at + CONCURRENCY.DRAINING] === 0
  if (!isPlain) return false
  if (few) {
    ints[at + CONCURRENCY.FEW_ANSWERS]++
    floats[at + CONCURRENCY.FEW_LATENCY_SUM] += latencyMs
  }
  const last = ints[at + CONCURRENCY.ANSWERED_SENT]
  const sent = ticksOf(now - latencyMs)
  // Later than the last; or that one is of so long ago that it seems to lie ahead.
  if (((sent - last) | 0) > 0 || ((ticksOf(now) - last) | 0) < 0) ints[at + CONCURRENCY.ANSWERED_SENT] = sent
  ints[at + CONCURRENCY.ANSWERS]++
  floats[at + CONCURRENCY.LATENCY_SUM] += latencyMs
  if (ints[at + CONCURRENCY.LATE] > 0) ints[at + CONCURRENCY.LATE] = 0
  floats[at + CONCURRENCY.MEAN_MS] = meanAfter(floats[at + CONCURRENCY.MEAN_MS], latencyMs)
  return true
}
