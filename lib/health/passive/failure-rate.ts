import { SLOT } from '../../engine/layout.js'
import type { SharedState } from '../../engine/state.js'
import type { Timers } from '../../runtime/timers.js'
import type { EjectionOptions } from './options.js'

/** An endpoint stands out where it fails at least so many times as often as the service's median endpoint. */
const MEDIAN_FACTOR = 3
/** A median is good for so long: with thousands of endpoints that all fail, it is not worked out for each failure. */
const MEDIAN_MS = 100

/**
 * Finds endpoints of whose requests too many fail, though not in a row. Failures alone are counted: the first one opens
 * a window by writing down how many requests have ended so far, and each further one in that window looks how many
 * have since. So nothing is written for a request that succeeds.
 *
 * Any thread writes the three words of a window. Two that open one at once lose a failure, which the next ones make up for.
 */
export class FailureRate {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #members: () => readonly { readonly slot: number }[]
  #median = 0
  #medianUntil = Number.NEGATIVE_INFINITY

  constructor(state: SharedState, timers: Timers, members: () => readonly { readonly slot: number }[]) {
    this.#state = state
    this.#timers = timers
    this.#members = members
  }

  /** Counts a connection failure. Where there were too many, it says so in words. */
  count(slot: number, options: EjectionOptions): string | undefined {
    const { failurePercentageThreshold: percent, failurePercentageWindowMs: windowMs } = options
    if (percent === 0) return undefined
    const state = this.#state
    if (!this.#isOpen(slot, windowMs)) {
      state.set(slot, SLOT.FAILURES_BASE, this.#ended(slot))
      state.set(slot, SLOT.FAILURES_SEEN, 1)
      state.setDouble(slot, SLOT.FAILURES_SINCE, this.#timers.now())
      return undefined
    }
    const failures = state.add(slot, SLOT.FAILURES_SEEN, 1) + 1
    const requests = this.#requests(slot)
    if (requests < options.failurePercentageRequestVolume || failures * 100 < percent * requests)
      return undefined
    if (failures / requests < MEDIAN_FACTOR * this.#medianRate(options)) return undefined
    return `${failures} of ${requests} requests`
  }

  /** What was counted has had its consequence: the next failure opens a new window. */
  close(slot: number): void {
    this.#state.setDouble(slot, SLOT.FAILURES_SINCE, 0)
  }

  #isOpen(slot: number, windowMs: number): boolean {
    const since = this.#state.getDouble(slot, SLOT.FAILURES_SINCE)
    return since !== 0 && this.#timers.now() - since < windowMs
  }

  /** Low word of the requests that have ended. */
  #ended(slot: number): number {
    const state = this.#state
    return (
      (state.peek(slot, SLOT.SUCCEEDED) + state.peek(slot, SLOT.FAILED) + state.peek(slot, SLOT.CANCELLED)) |
      0
    )
  }

  /** Requests of the open window; the failure that is being counted has not ended yet. */
  #requests(slot: number): number {
    return (this.#ended(slot) - this.#state.peek(slot, SLOT.FAILURES_BASE) + 1) >>> 0
  }

  /** Of an even number of endpoints the lower of the two in the middle: of two, the one that works is the measure. */
  #medianRate({
    failurePercentageWindowMs: windowMs,
    failurePercentageRequestVolume: volume,
  }: EjectionOptions): number {
    const now = this.#timers.now()
    if (now < this.#medianUntil) return this.#median
    // A window that was only just opened, by a failure, would have a rate of 1.
    const rates = Float64Array.from(this.#members(), ({ slot }) =>
      this.#isOpen(slot, windowMs)
        ? this.#state.peek(slot, SLOT.FAILURES_SEEN) / Math.max(volume, this.#requests(slot))
        : 0,
    ).sort()
    this.#median = rates[(rates.length - 1) >> 1] ?? 0
    this.#medianUntil = now + MEDIAN_MS
    return this.#median
  }
}
