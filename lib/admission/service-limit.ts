import { CONTRIBUTION, MARK_BUSY, SERVICE } from '../engine/layout.js'
import { addToOwn } from '../engine/ordering.js'
import type { SharedState } from '../engine/state.js'

/** Requests in flight to a service as a whole, over all threads. Strict: never more than the limit at any moment. */
export class ServiceLimit {
  /** The segment of the service's record. */
  readonly #words: Int32Array
  readonly #word: number
  /** This thread's contribution, marked as the fallback engine marks those to slots; see docs/concurrency/counters.md. */
  readonly #own: number
  readonly #mark: number

  constructor(state: SharedState, service: number) {
    this.#words = state.serviceWords(service)
    this.#word = state.serviceField(service, SERVICE.IN_FLIGHT)
    this.#own = state.serviceContribution(state.thread, service) + CONTRIBUTION.IN_FLIGHT
    this.#mark = this.#own - CONTRIBUTION.IN_FLIGHT + CONTRIBUTION.MARK
  }

  /** Takes a place by compare-and-swap below `limit`; false where there is none. */
  enter(limit: number): boolean {
    const words = this.#words
    for (;;) {
      const seen = Atomics.load(words, this.#word)
      if (seen >= limit) return false
      addToOwn(words, this.#mark, MARK_BUSY) // (C13) busy: an operation is under way
      addToOwn(words, this.#own, 1) // (C3) before the count, so that it is in sight with it
      // (C4) Of two that want the last place one gets it.
      const entered = Atomics.compareExchange(words, this.#word, seen, seen + 1) === seen
      if (!entered) addToOwn(words, this.#own, -1) // (C3) not reserved
      addToOwn(words, this.#mark, MARK_BUSY) // (C13) done: both words agree
      if (entered) return true
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
