/**
 * A safety valve: what a source has lost may have been lost by the source. An answer without any endpoint is never put in force;
 * one in which too many are missing is held back for a while, and put in force where they are missing still.
 * Eureka's self-preservation and Finagle's stabilising address sets do the same for a fixed share and time.
 */
export class Valve {
  readonly #maxDrop: number
  readonly #holdMs: number
  #heldSince: number | undefined

  /**
   * @param maxDrop share of the endpoints that may go at once, 0 to 1
   * @param holdMs for how long an answer is held back
   */
  constructor(maxDrop: number, holdMs: number) {
    this.#maxDrop = maxDrop
    this.#holdMs = holdMs
  }

  /**
   * For how long an answer is to be held back, ms: 0, not at all; Infinity, for ever.
   * @param before endpoints in force
   * @param kept of those, the ones that the answer has
   * @param all endpoints of the answer
   */
  hold(before: number, kept: number, all: number, now: number): number {
    if (all === 0 && before > 0) return Number.POSITIVE_INFINITY
    if (before - kept <= this.#maxDrop * before) {
      this.#heldSince = undefined
      return 0
    }
    this.#heldSince ??= now
    const left = this.#heldSince + this.#holdMs - now
    if (left > 0) return left
    this.#heldSince = undefined
    return 0
  }
}
