import { SERVICE } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'

/** Requests in flight to a service as a whole, over all threads. Strict: never more than the limit at any moment. */
export class ServiceLimit {
  readonly #root: Int32Array
  readonly #word: number

  constructor(state: SharedState, service: number) {
    this.#root = state.root
    this.#word = state.serviceField(service, SERVICE.IN_FLIGHT)
  }

  /** Takes a place by compare-and-swap below `limit`; false where there is none. */
  enter(limit: number): boolean {
    for (;;) {
      const seen = Atomics.load(this.#root, this.#word)
      if (seen >= limit) return false
      if (Atomics.compareExchange(this.#root, this.#word, seen, seen + 1) === seen) return true
    }
  }

  leave(): void {
    Atomics.sub(this.#root, this.#word, 1)
  }
}
