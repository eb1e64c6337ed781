import { monotonicNow } from '../runtime/clock.js'
import { LatencyByLoad } from './latency-by-load.js'

/**
 * For servers that are balanced by `prequal`: counts the requests that a server works on, and says so in the value of an
 * `endpoint-load-metrics` header, which its probe path answers with.
 */
export class LoadReporter {
  readonly #latency = new LatencyByLoad()
  readonly #now: () => number
  #inFlight = 0
  /** When the first request came that nothing has been answered since; NaN: there is none. */
  #silentSince = Number.NaN

  /** @param now ms, monotonic */
  constructor(now: () => number = monotonicNow) {
    this.#now = now
  }

  /** Requests begun and not ended. */
  get inFlight(): number {
    return this.#inFlight
  }

  /**
   * Expected latency of a request that arrives now, in ms; 0 before the first answer. Not less than the time for which
   * requests have waited with nothing answered.
   */
  get latencyMs(): number {
    const now = this.#now()
    const estimate = this.#latency.estimate(this.#inFlight, now)
    const isSilent = this.#inFlight > 0 && !Number.isNaN(this.#silentSince)
    return isSilent ? Math.max(estimate, now - this.#silentSince) : estimate
  }

  /** A request has come. Call what is returned when it has been answered; further calls do nothing. */
  begin(): () => void {
    const began = this.#now()
    if (this.#inFlight === 0 || Number.isNaN(this.#silentSince)) this.#silentSince = began
    const arrived = this.#inFlight++
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#inFlight--
      this.#silentSince = Number.NaN
      const now = this.#now()
      this.#latency.add(arrived, now - began, now)
    }
  }

  /** The header's value now. */
  get header(): string {
    return `TEXT named_metrics.rif=${this.#inFlight},named_metrics.latency_ms=${this.latencyMs.toFixed(3)}`
  }
}
