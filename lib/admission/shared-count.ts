import { MARK_BUSY } from '../engine/layout.js'
import { addToOwn, load } from '../engine/ordering.js'

/** There was no place. */
export const NO_PLACE = -1

/** More than there can be: what has no limit is counted all the same. */
export const UNLIMITED = 0x7fffffff

/** Where a shared count stands, and this thread's contribution to it. */
export interface CountWords {
  readonly counts: Int32Array
  readonly count: number
  /** Written by this thread alone: its contribution, and the mark of the record that it is in. */
  readonly records: Int32Array
  readonly own: number
  readonly mark: number
}

/**
 * A count over all threads, and a limit to it. Strict: never more than the limit at any moment. Each thread's contribution is
 * marked as the fallback engine marks those to slots, so that what an ended thread held is taken off; see
 * docs/concurrency/counters.md.
 */
export class SharedCount {
  readonly #counts: Int32Array
  readonly #count: number
  readonly #records: Int32Array
  readonly #own: number
  readonly #mark: number

  constructor({ counts, count, records, own, mark }: CountWords) {
    this.#counts = counts
    this.#count = count
    this.#records = records
    this.#own = own
    this.#mark = mark
  }

  /** As it was a moment ago, and not before this thread's last operation of `Atomics`: who frees a place looks here then. (A9) */
  get value(): number {
    return load(this.#counts, this.#count)
  }

  /** What this thread contributes to it. */
  get ownValue(): number {
    return this.#records[this.#own]
  }

  /** Takes a place by compare-and-swap below `limit`. Returns how many were taken before; `NO_PLACE` where there is none. */
  enter(limit: number): number {
    for (;;) {
      const seen = Atomics.load(this.#counts, this.#count)
      if (seen >= limit) return NO_PLACE
      addToOwn(this.#records, this.#mark, MARK_BUSY) // (C13) busy: an operation is under way
      addToOwn(this.#records, this.#own, 1) // (C3) before the count, so that it is in sight with it
      // (C4) Of two that want the last place one gets it.
      const entered = Atomics.compareExchange(this.#counts, this.#count, seen, seen + 1) === seen
      if (!entered) addToOwn(this.#records, this.#own, -1) // (C3) not reserved
      addToOwn(this.#records, this.#mark, MARK_BUSY) // (C13) done: both words agree
      // Memory that was damaged must not look like a refusal.
      if (entered) return Math.max(0, seen)
    }
  }

  leave(): void {
    addToOwn(this.#records, this.#mark, MARK_BUSY) // (C13) busy: an operation is under way
    Atomics.sub(this.#counts, this.#count, 1) // (C6) the place is free
    addToOwn(this.#records, this.#own, -1) // (C3) own word: no exchange needed
    addToOwn(this.#records, this.#mark, MARK_BUSY) // (C13) done: both words agree
  }
}
