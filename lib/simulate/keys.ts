import type { RandomStream } from './random.js'

/** Keys of requests, the i-th as frequent as 1/i^zipf; 0: all alike. */
export class Keys {
  readonly #texts: readonly string[]
  /** Probability of a key up to each. */
  readonly #cumulative: Float64Array

  constructor({ count, zipf = 0 }: { count: number; zipf?: number }) {
    this.#texts = Array.from({ length: count }, (_, i) => `key-${i}`)
    this.#cumulative = new Float64Array(count)
    let sum = 0
    for (let i = 0; i < count; i++) this.#cumulative[i] = sum += (i + 1) ** -zipf
    for (let i = 0; i < count; i++) this.#cumulative[i] /= sum
  }

  /** Number of a key. */
  draw(random: RandomStream): number {
    const u = random.uniform()
    let low = 0
    let high = this.#cumulative.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#cumulative[middle] < u) low = middle + 1
      else high = middle
    }
    return low
  }

  text(key: number): string {
    return this.#texts[key]
  }
}
