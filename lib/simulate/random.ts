import { nextRandom, seedRandom } from '../engine/atomics/random.js'
import { TWO_TO_32, toBelow } from '../runtime/bits.js'

const STATE_WORDS = 4

/**
 * A stream of random numbers of its own for each use (arrivals, service times, ...), so that two policies meet the very
 * same requests: what they differ in is then the policies' doing. The same generator as the balancer's.
 */
export class RandomStream {
  readonly #words = new Int32Array(STATE_WORDS)
  /** The second of two normal deviates, kept for the next call. */
  #spare = Number.NaN

  constructor(seed: number, stream: number) {
    seedRandom(this.#words, 0, seed, stream)
  }

  /** Uniform in (0, 1]: its logarithm is finite. */
  uniform(): number {
    return (nextRandom(this.#words, 0) + 1) / TWO_TO_32
  }

  /** A whole number from 0 to n - 1. */
  below(n: number): number {
    return toBelow(nextRandom(this.#words, 0), n)
  }

  exponential(mean: number): number {
    return -Math.log(this.uniform()) * mean
  }

  /** Mean 0, standard deviation 1 (Box and Muller 1958). */
  normal(): number {
    if (!Number.isNaN(this.#spare)) {
      const spare = this.#spare
      this.#spare = Number.NaN
      return spare
    }
    const radius = Math.sqrt(-2 * Math.log(this.uniform()))
    const angle = 2 * Math.PI * this.uniform()
    this.#spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}
