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

  /** @param now ms, monotonic */
  constructor(now: () => number = monotonicNow) {
    this.#now = now
  }

  /** Requests begun and not ended. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** Expected latency of a request that arrives now, in ms; 0 before the first answer. */
  get latencyMs(): number {
    return this.#latency.estimate(this.#inFlight, this.#now())
  }

  /** A request has come. Call what is returned when it has been answered; further calls do nothing. */
  begin(): () => void {
    const arrived = this.#inFlight++
    const began = this.#now()
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#inFlight--
      const now = this.#now()
      this.#latency.add(arrived, now - began, now)
    }
  }

  /** The header's value now. */
  get header(): string {
    return `TEXT named_metrics.rif=${this.#inFlight},named_metrics.latency_ms=${this.latencyMs.toFixed(3)}`
  }
}
