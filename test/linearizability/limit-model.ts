/** Counts that never go above their limits: what is in flight to an endpoint, or to a service. */
import type { Model, Step } from './search.js'

export interface LimitChange {
  readonly word: number
  readonly by: 1 | -1
}
/** The number of a count that is at its limit. */
export type LimitFact = number
export type LimitStep = Step<LimitChange, LimitFact>

export class LimitModel implements Model<LimitChange, LimitFact> {
  readonly #limits: readonly number[]
  readonly #counts: number[]

  constructor(limits: readonly number[]) {
    this.#limits = limits
    this.#counts = limits.map(() => 0)
  }

  make({ word, by }: LimitChange): boolean {
    const next = this.#counts[word] + by
    if (next < 0 || next > this.#limits[word]) return false
    this.#counts[word] = next
    return true
  }

  unmake({ word, by }: LimitChange): void {
    this.#counts[word] -= by
  }

  isTrue(word: LimitFact): boolean {
    return this.#counts[word] >= this.#limits[word]
  }
}
