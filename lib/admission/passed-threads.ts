import { SERVICE } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'

/** Threads of which each has a bit of SERVICE.PASSED, and bits of a word. Threads beyond them share bits. */
const THREADS = 64
const BITS = 32

const wordOf = (thread: number): number => SERVICE.PASSED + Math.floor((thread % THREADS) / BITS)
const bitOf = (thread: number): number => 1 << (thread % BITS)

/** A thread has no such requests any more, or is no more. */
export function unmarkPassed(state: SharedState, service: number, thread: number): void {
  const word = state.serviceField(service, wordOf(thread))
  Atomics.and(state.serviceWords(service), word, ~bitOf(thread)) // (A10) nobody is there to be called
}

/** Threads of which requests were passed over, and which are called when a place becomes free: a bit each. */
export class PassedThreads {
  readonly #state: SharedState
  readonly #service: number
  readonly #words: Int32Array

  constructor(state: SharedState, service: number) {
    this.#state = state
    this.#service = service
    this.#words = state.serviceWords(service)
  }

  /** This thread has such requests. */
  mark(): void {
    const { thread } = this.#state
    // (A10) After it is out of the line; whoever frees a place sees it, or it saw that place.
    Atomics.or(this.#words, this.#at(wordOf(thread)), bitOf(thread))
  }

  /** It has none any more. */
  unmark(): void {
    unmarkPassed(this.#state, this.#service, this.#state.thread)
  }

  /** Has all others try what is free. */
  callOthers(): void {
    const { thread } = this.#state
    for (let first = 0; first < THREADS; first += BITS) {
      const word = wordOf(first)
      let bits = Atomics.load(this.#words, this.#at(word)) // (A10) after the place is free
      if (word === wordOf(thread)) bits &= ~bitOf(thread)
      for (let bit = 0; bits !== 0; bit++, bits >>>= 1)
        if (bits & 1) this.#state.callThreads(first + bit, THREADS)
    }
  }

  #at(field: number): number {
    return this.#state.serviceField(this.#service, field)
  }
}
