import type { LatenessConfig } from './config.js'

/** What is less than this away is now, ms. */
const ROUNDING_MS = 1e-6

/** By how much a client sees late what happens: until its event loop is not held any more. */
export class Lateness {
  readonly #config: LatenessConfig | undefined
  readonly #clients: number

  constructor(config: LatenessConfig | undefined, clients: number) {
    this.#config = config
    this.#clients = clients
  }

  /**
   * ms; 0: at once.
   * @param at ms since the simulation began
   */
  of(client: number, at: number): number {
    if (this.#config === undefined) return 0
    const { everyMs, forMs, fromMs = 0, untilMs = Number.POSITIVE_INFINITY } = this.#config
    if (at < fromMs || at >= untilMs) return 0
    const left = forMs - ((at - fromMs + (client / this.#clients) * everyMs) % everyMs)
    return left > ROUNDING_MS ? left : 0
  }
}
