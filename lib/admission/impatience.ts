import { SERVICE, TICKS_PER_MS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { IMPATIENT_MS, PATIENCE_MS } from './concurrency-state.js'

/** It is not written down more often than this, ms: the word is one for all threads. */
const NOTED_EVERY_MS = 100

/**
 * Whether callers of a service give up waiting, or say when they will, over all threads. Where nobody does, a queue does no harm: whatever is asked is
 * answered in the end, and who sends a thousand requests at once gets a thousand answers. Where somebody does, what waits too
 * long is served in vain.
 */
export class Impatience {
  readonly #state: SharedState
  readonly #words: Int32Array
  readonly #at: number

  constructor(state: SharedState, service: number) {
    this.#state = state
    this.#words = state.serviceWords(service)
    this.#at = state.serviceField(service, SERVICE.IMPATIENT_AT)
  }

  /** A caller comes with a deadline in so many ms. One that is far off is patience. */
  noteDeadline(leftMs: number): void {
    if (leftMs <= PATIENCE_MS) this.note()
  }

  /** A caller has given up, or has been refused since it would have given up. */
  note(): void {
    if (this.#sinceMs < NOTED_EVERY_MS) return
    Atomics.store(this.#words, this.#at, this.#ticks() | 1) // (A12) whoever is last: a moment more or less does not matter
  }

  /** Whether somebody has lately. */
  get isRecent(): boolean {
    return this.#sinceMs < IMPATIENT_MS
  }

  /** When somebody has last, ms on the balancer's clock; -Infinity: nobody has. */
  get notedAt(): number {
    const since = this.#sinceMs
    return since === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : this.#state.core.now() - since
  }

  /** Where it has been 37 hours, the difference of ticks comes around: then it was a moment ago for a minute, once in 74 hours. */
  get #sinceMs(): number {
    const noted = Atomics.load(this.#words, this.#at) // (A12) a moment of the past
    return noted === 0 ? Number.POSITIVE_INFINITY : Math.abs((this.#ticks() - noted) | 0) / TICKS_PER_MS
  }

  #ticks(): number {
    return (this.#state.core.now() * TICKS_PER_MS) | 0
  }
}
