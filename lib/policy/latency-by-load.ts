/** Answers that are remembered, and how many of them, the nearest by load, make an estimate. */
const REMEMBERED = 32
const NEAREST = 5
/** An answer older than this says nothing any more, ms: an endpoint that was slow must be tried again. */
const MAX_AGE_MS = 10_000

/**
 * What latency an endpoint has at a given load: the median of those of its last answers whose requests arrived at about
 * as many requests in flight (Prequal, NSDI 2024, 4). It follows a growing queue at once, where an average of the latencies
 * themselves only tells how long the queue was when the requests came that are answered now. An answer from a higher
 * load is scaled down: else an endpoint that has emptied since would look slow for as long as nobody asks it.
 */
export class LatencyByLoad {
  readonly #inFlight = new Float64Array(REMEMBERED)
  readonly #latencies = new Float64Array(REMEMBERED)
  readonly #at = new Float64Array(REMEMBERED)
  readonly #nearest = new Float64Array(NEAREST)
  readonly #distances = new Float64Array(NEAREST)
  #count = 0
  #next = 0

  /**
   * @param inFlight other requests in flight when this one arrived
   * @param now when the answer came, ms
   */
  add(inFlight: number, latencyMs: number, now: number): void {
    this.#inFlight[this.#next] = inFlight
    this.#latencies[this.#next] = latencyMs
    this.#at[this.#next] = now
    this.#next = (this.#next + 1) % REMEMBERED
    if (this.#count < REMEMBERED) this.#count++
  }

  /** ms; 0 where nothing is known. */
  estimate(inFlight: number, now: number): number {
    const distances = this.#distances
    const nearest = this.#nearest
    let found = 0
    // From the newest back: of equally near ones the newer count.
    for (let i = 1; i <= this.#count; i++) {
      const at = (this.#next - i + REMEMBERED) % REMEMBERED
      if (now - this.#at[at] > MAX_AGE_MS) break
      const distance = Math.abs(this.#inFlight[at] - inFlight)
      if (found === NEAREST && distance >= distances[found - 1]) continue
      let to = found < NEAREST ? found++ : found - 1
      for (; to > 0 && distances[to - 1] > distance; to--) {
        distances[to] = distances[to - 1]
        nearest[to] = nearest[to - 1]
      }
      distances[to] = distance
      nearest[to] = this.#latencies[at] * Math.min(1, (inFlight + 1) / (this.#inFlight[at] + 1))
    }
    return found === 0 ? 0 : medianOf(nearest, found)
  }
}

/** Of the first `n` values, which are put into order. Of two in the middle it is the larger. */
function medianOf(values: Float64Array, n: number): number {
  for (let i = 1; i < n; i++) {
    const value = values[i]
    let at = i
    for (; at > 0 && values[at - 1] > value; at--) values[at] = values[at - 1]
    values[at] = value
  }
  return values[n >> 1]
}
