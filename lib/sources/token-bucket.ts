import type { Timers } from '../runtime/timers.js'

/** So many at once, and one more each so many ms: what is fast for a moment goes on, what stays fast is slowed down. */
export class TokenBucket {
  readonly #size: number
  readonly #refillMs: number
  readonly #timers: Timers
  /** When the bucket is, or was, full. */
  #fullAt: number

  /**
   * @param size how many may come at once
   * @param refillMs time after which one more may
   */
  constructor(size: number, refillMs: number, timers: Timers) {
    this.#size = size
    this.#refillMs = refillMs
    this.#timers = timers
    this.#fullAt = timers.now()
  }

  /** Takes one. Returns how long to wait for it, ms. */
  take(): number {
    const now = this.#timers.now()
    this.#fullAt = Math.max(this.#fullAt, now) + this.#refillMs
    return Math.max(0, this.#fullAt - now - this.#size * this.#refillMs)
  }
}
