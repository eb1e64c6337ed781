import { SERVICE, TICKS_PER_MS, TIERS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { ServiceCount } from './service-count.js'

/** Waits in the share of long ones, and the whole of it. */
const WAITS_SHIFT = 5
const ALL_WAITS = 1 << 16
/**
 * While fewer of a tier's waits are long ones and others wait behind it, its queue is no standing one once it has been empty: it has places
 * enough, and is busy since those behind it take all that it leaves.
 */
const MANY_LONG_WAITS = ALL_WAITS / 5

/**
 * Since when the queue of a service has not been empty, for each tier by itself: with those before it, and without those behind it, which
 * do not make it wait. Words of the service, from all threads. (A15)
 */
export class Standing {
  readonly #state: SharedState
  readonly #service: number
  readonly #waiting: ServiceCount
  readonly #words: Int32Array
  readonly #at: number

  constructor(state: SharedState, service: number, waiting: ServiceCount) {
    this.#state = state
    this.#service = service
    this.#waiting = waiting
    this.#words = state.serviceWords(service)
    this.#at = state.serviceField(service, 0)
  }

  /** For how long somebody of the tier, or of one before it, has been waiting, ms. Once that is `standingMs`, it takes as long without anybody to begin anew. */
  busyMs(tier: number, ticks: number, standingMs: number): number {
    if (!this.#isBehind(tier, this.#waiting.value) && !this.#goesOn(tier, ticks, standingMs)) return 0
    const since = Atomics.load(this.#words, this.#at + SERVICE.WAITING_SINCE + tier)
    return since === 0 ? 0 : Math.max(0, (ticks - since) | 0) / TICKS_PER_MS
  }

  /** One of the tier is about to wait; `waitingBefore` others do. */
  begins(tier: number, ticks: number, standingMs: number, waitingBefore: number): void {
    for (let one = tier; one < TIERS; one++) {
      if (this.#isBehind(one, waitingBefore)) return // and behind it in each tier after that
      if (!this.#goesOn(one, ticks, standingMs))
        Atomics.store(this.#words, this.#at + SERVICE.WAITING_SINCE + one, ticks | 1)
    }
  }

  /** One of the tier waits no more. */
  ends(tier: number, ticks: number): void {
    for (let one = tier; one < TIERS && !this.#isBehind(one, this.#waiting.value); one++)
      Atomics.store(this.#words, this.#at + SERVICE.EMPTY_SINCE + one, ticks | 1)
  }

  /** One of the tier has waited for a long time, or not. */
  noteWait(tier: number, isLong: boolean): void {
    const share = this.#shareOfLongWaits(tier)
    const next = share + (((isLong ? ALL_WAITS : 0) - share) >> WAITS_SHIFT)
    Atomics.store(this.#words, this.#at + SERVICE.LONG_WAITS + tier, next) // (A15) of two at once one counts
  }

  /** Whether anybody of the tier, or of one before it, waits in line; where all that wait are beside their lines, they count for each. */
  #isBehind(tier: number, waiting: number): boolean {
    if (waiting === 0) return false
    const { lines } = this.#state
    for (let one = 0; one < TIERS; one++) if (lines.lengthOf(this.#service, one) > 0) return one <= tier
    return true
  }

  #isWaitedForBehind(tier: number): boolean {
    for (let one = tier + 1; one < TIERS; one++)
      if (this.#state.lines.lengthOf(this.#service, one) > 0) return true
    return false
  }

  #shareOfLongWaits(tier: number): number {
    return Atomics.load(this.#words, this.#at + SERVICE.LONG_WAITS + tier) // (A15) an estimate
  }

  /** Nobody waits: whether that is but a moment in a standing queue. Both words say when; one of a moment ago will do. */
  #goesOn(tier: number, ticks: number, standingMs: number): boolean {
    const since = Atomics.load(this.#words, this.#at + SERVICE.WAITING_SINCE + tier)
    const emptied = Atomics.load(this.#words, this.#at + SERVICE.EMPTY_SINCE + tier)
    if (since === 0 || emptied === 0) return false
    const standing = standingMs * TICKS_PER_MS
    if (((emptied - since) | 0) <= standing || ((ticks - emptied) | 0) >= standing) return false
    return !this.#isWaitedForBehind(tier) || this.#shareOfLongWaits(tier) > MANY_LONG_WAITS
  }
}
