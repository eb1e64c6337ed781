import { TICKS_PER_MS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'

/** What was asked is no longer so after this time; who waits still asks again before that. ms */
const HOLDS_MS = 150

/**
 * A shared word: when a pool of connections that has none last asked for one, at an endpoint or a service that is at its limit. It
 * expires by itself, so that nobody has to take back what a thread has asked that is no more. (C20)
 */
export class ConnectionAsked {
  readonly #state: SharedState
  readonly #words: Int32Array
  readonly #at: number

  constructor(state: SharedState, words: Int32Array, at: number) {
    this.#state = state
    this.#words = words
    this.#at = at
  }

  ask(): void {
    Atomics.store(this.#words, this.#at, this.#ticks | 1) // (C20) holds for a while, and is stored anew
  }

  /** Whoever had none has one. */
  served(): void {
    if (this.#words[this.#at] !== 0) Atomics.store(this.#words, this.#at, 0) // (C20) others ask again
  }

  /** Whether the next connection that is free is asked for. */
  get isRecent(): boolean {
    const asked = this.#words[this.#at] // (C20) plain: a moment earlier or later
    if (asked === 0) return false
    if (((this.#ticks - asked) | 0) < HOLDS_MS * TICKS_PER_MS) return true
    Atomics.compareExchange(this.#words, this.#at, asked, 0) // (C20) so that the next look needs no clock
    return false
  }

  get #ticks(): number {
    return (this.#state.core.now() * TICKS_PER_MS) | 0
  }
}
