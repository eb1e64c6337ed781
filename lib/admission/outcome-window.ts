import { CONTROL_BUCKET, CONTROL_BUCKET_COUNT, SERVICE, TIERS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'

/** Periods of a window, the newest one included, which is not over yet. */
const PERIODS = CONTROL_BUCKET_COUNT - 1
/** A thread that has read the clock this many periods ago still counts where it would have. */
const LATE_PERIODS = 2
const MS_PER_SECOND = 1_000

/** What requests of a service have asked for in the last `windowMs`, and what became of them, over all threads. */
export class OutcomeWindow {
  readonly #words: Int32Array
  readonly #period: number
  readonly #buckets: number
  readonly #periodMs: number
  // The sums as of the last `look`.
  ended = 0
  succeeded = 0
  readonly asked: number[] = new Array<number>(TIERS).fill(0)
  /** Requests asked for a second, since the oldest one in the window. */
  rps = 0

  /** Sums of the periods before that one, and how many of them it is since the first request. */
  #summedFor = Number.NaN
  readonly #before = { ended: 0, succeeded: 0, asked: new Array<number>(TIERS).fill(0), periods: 0 }

  constructor(state: SharedState, service: number, windowMs: number) {
    this.#words = state.serviceWords(service)
    this.#period = state.serviceField(service, SERVICE.CONTROL_PERIOD)
    this.#buckets = state.serviceField(service, SERVICE.CONTROL_BUCKETS)
    this.#periodMs = windowMs / PERIODS
  }

  get periodMs(): number {
    return this.#periodMs
  }

  /** A request of a tier asks to be admitted, at `now`, ms. */
  ask(tier: number, now: number): void {
    // (A14) what is counted after a thread that turns the window is in its bucket
    Atomics.add(this.#words, this.#bucketAt(now) + CONTROL_BUCKET.ASKED + tier, 1)
  }

  /** Adds requests that ended well or badly, and that ended well; takes off what proves to have been counted too early. */
  add(ended: number, succeeded: number, now: number): void {
    const at = this.#bucketAt(now)
    if (ended !== 0) Atomics.add(this.#words, at + CONTROL_BUCKET.ENDED, ended) // (A14) as above
    if (succeeded !== 0) Atomics.add(this.#words, at + CONTROL_BUCKET.SUCCEEDED, succeeded) // (A14) as above
  }

  /** Makes the sums those of the window that ends at `now`. */
  look(now: number): void {
    this.#bucketAt(now)
    const newest = Atomics.load(this.#words, this.#period) // (A13) whoever was last
    if (newest !== this.#summedFor) this.#sumBefore(newest)
    const before = this.#before
    const at = this.#bucketOf(newest)
    const { asked } = this
    let all = 0
    for (let tier = 0; tier < TIERS; tier++) {
      asked[tier] = before.asked[tier] + this.#words[at + CONTROL_BUCKET.ASKED + tier]
      all += asked[tier]
    }
    // What was taken off may be of a request that has fallen out of the window.
    this.ended = Math.max(0, before.ended + this.#words[at + CONTROL_BUCKET.ENDED])
    const succeeded = before.succeeded + this.#words[at + CONTROL_BUCKET.SUCCEEDED]
    this.succeeded = Math.min(this.ended, Math.max(0, succeeded))
    const sinceMs = before.periods * this.#periodMs + (now % this.#periodMs)
    this.rps = (all * MS_PER_SECOND) / Math.max(MS_PER_SECOND, sinceMs)
  }

  /** Sums of all periods but the newest: once a period, since hardly anybody counts there any more. Plain loads will do. */
  #sumBefore(newest: number): void {
    const words = this.#words
    const before = this.#before
    before.ended = 0
    before.succeeded = 0
    before.periods = 0
    before.asked.fill(0)
    for (let age = 1; age < PERIODS; age++) {
      const at = this.#bucketOf(newest - age)
      before.ended += words[at + CONTROL_BUCKET.ENDED]
      before.succeeded += words[at + CONTROL_BUCKET.SUCCEEDED]
      for (let tier = 0; tier < TIERS; tier++) {
        const count = words[at + CONTROL_BUCKET.ASKED + tier]
        before.asked[tier] += count
        if (count !== 0) before.periods = age
      }
    }
    this.#summedFor = newest
  }

  /**
   * First word of the bucket of the period that it is. Who meets a new period empties the bucket that comes next, in which nobody
   * counts yet, and only then turns the window: a thread that ends in between has changed nothing.
   */
  #bucketAt(now: number): number {
    const words = this.#words
    const period = Math.floor(now / this.#periodMs) | 0
    const seen = Atomics.load(words, this.#period) // (A13) a guess, which the exchange checks
    const passed = (period - seen) | 0
    if (passed > 0 || passed < -LATE_PERIODS) {
      // Below that the periods have become longer: `windowMs` is another.
      const stale = passed > 0 && passed < CONTROL_BUCKET_COUNT ? passed : CONTROL_BUCKET_COUNT
      for (let ahead = 1; ahead > 1 - stale; ahead--) this.#empty(this.#bucketOf(period + ahead))
      Atomics.compareExchange(words, this.#period, seen, period) // (A13) after the bucket is empty
    }
    return this.#bucketOf(period)
  }

  #empty(bucket: number): void {
    for (let field = 0; field < CONTROL_BUCKET.WORDS; field++) Atomics.store(this.#words, bucket + field, 0) // (A14) before anybody counts there
  }

  #bucketOf(period: number): number {
    // Before the clock's origin too: the window of its first moments reaches there.
    const index = ((period % CONTROL_BUCKET_COUNT) + CONTROL_BUCKET_COUNT) % CONTROL_BUCKET_COUNT
    return this.#buckets + index * CONTROL_BUCKET.WORDS
  }
}
