import { CONTRIBUTION, MARK_BUSY, SERVICE } from '../engine/layout.js'
import { addToOwn, load } from '../engine/ordering.js'
import type { SharedState } from '../engine/state.js'

/** There was no place. */
export const NO_PLACE = -1

/** A count of a service as a whole, over all threads, and a limit to it. Strict: never more than the limit at any moment. */
export class ServiceCount {
  /** The segment of the service's record. */
  readonly #words: Int32Array
  readonly #word: number
  /** This thread's contribution, marked as the fallback engine marks those to slots; see docs/concurrency/counters.md. */
  readonly #own: number
  readonly #mark: number

  private constructor(state: SharedState, service: number, count: number, contribution: number) {
    this.#words = state.serviceWords(service)
    this.#word = state.serviceField(service, count)
    const record = state.serviceContribution(state.thread, service)
    this.#own = record + contribution
    this.#mark = record + CONTRIBUTION.MARK
  }

  /** Requests in flight. */
  static inFlight(state: SharedState, service: number): ServiceCount {
    return new ServiceCount(state, service, SERVICE.IN_FLIGHT, CONTRIBUTION.IN_FLIGHT)
  }

  /** Requests that wait for a place. */
  static waiting(state: SharedState, service: number): ServiceCount {
    return new ServiceCount(state, service, SERVICE.WAITING, CONTRIBUTION.WAITING)
  }

  /** As it was a moment ago, and not before this thread's last operation of `Atomics`: who frees a place looks here then. (A9) */
  get value(): number {
    return load(this.#words, this.#word)
  }

  /** Takes a place by compare-and-swap below `limit`. Returns how many were taken before; `NO_PLACE` where there is none. */
  enter(limit: number): number {
    const words = this.#words
    for (;;) {
      const seen = Atomics.load(words, this.#word)
      if (seen >= limit) return NO_PLACE
      addToOwn(words, this.#mark, MARK_BUSY) // (C13) busy: an operation is under way
      addToOwn(words, this.#own, 1) // (C3) before the count, so that it is in sight with it
      // (C4) Of two that want the last place one gets it.
      const entered = Atomics.compareExchange(words, this.#word, seen, seen + 1) === seen
      if (!entered) addToOwn(words, this.#own, -1) // (C3) not reserved
      addToOwn(words, this.#mark, MARK_BUSY) // (C13) done: both words agree
      if (entered) return seen
    }
  }

  leave(): void {
    const words = this.#words
    addToOwn(words, this.#mark, MARK_BUSY) // (C13) busy: an operation is under way
    Atomics.sub(words, this.#word, 1) // (C6) the place is free
    addToOwn(words, this.#own, -1) // (C3) own word: no exchange needed
    addToOwn(words, this.#mark, MARK_BUSY) // (C13) done: both words agree
  }
}
