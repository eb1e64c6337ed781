/** Prequal's rule (Wydrowski et al., NSDI 2024, 4.2): keep away from the hot, then take the quickest. */

import { areNear } from '../engine/choice.js'

/**
 * Requests in flight up to which an endpoint is at rest: one may be the very request whose pick sent the probe, or one
 * that was sent on the strength of it and has ended since.
 */
const AT_REST = 1

/** How loaded an endpoint said it was. */
export interface ProbeResult {
  readonly slot: number
  /** Requests in flight there. */
  inFlight: number
  readonly latencyMs: number
  /** When the answer came, ms. */
  readonly at: number
  /** Requests that may still be sent on the strength of it. */
  usesLeft: number
}

/**
 * Whether `a` is the better choice of two: cold before hot; of hot ones the less loaded; of cold ones the quicker. At rest,
 * latencies that are near say nothing, as for the engines: the less loaded one then.
 */
export function isBetter(a: ProbeResult, b: ProbeResult, threshold: number): boolean {
  const aHot = a.inFlight > threshold
  const bHot = b.inFlight > threshold
  if (aHot !== bHot) return bHot
  const isAtRest = a.inFlight <= AT_REST && b.inFlight <= AT_REST
  if (aHot || (isAtRest && areNear(a.latencyMs, b.latencyMs))) return a.inFlight < b.inFlight
  return a.latencyMs < b.latencyMs
}

/** Requests in flight that probes found lately, and the quantile above which an endpoint is hot. */
export class HotThreshold {
  readonly #quantile: number
  readonly #recent: Float64Array
  readonly #sorted: Float64Array
  #count = 0
  #next = 0

  /** @param window probes that count */
  constructor(quantile: number, window = 128) {
    this.#quantile = quantile
    this.#recent = new Float64Array(window)
    this.#sorted = new Float64Array(window)
  }

  add(inFlight: number): void {
    const { length } = this.#recent
    if (this.#count === length) this.#remove(this.#recent[this.#next])
    this.#recent[this.#next] = inFlight
    if (++this.#next === length) this.#next = 0
    let at = this.#count++
    for (; at > 0 && this.#sorted[at - 1] > inFlight; at--) this.#sorted[at] = this.#sorted[at - 1]
    this.#sorted[at] = inFlight
  }

  /** The quantile; above all where it is 1, below all where it is 0, so that all are cold, or hot. */
  get value(): number {
    if (this.#quantile === 1 || this.#count === 0) return Number.POSITIVE_INFINITY
    if (this.#quantile === 0) return -1
    return this.#sorted[Math.min(this.#count - 1, Math.floor(this.#quantile * this.#count))]
  }

  #remove(inFlight: number): void {
    const sorted = this.#sorted
    let at = 0
    while (sorted[at] !== inFlight) at++
    const last = --this.#count
    for (; at < last; at++) sorted[at] = sorted[at + 1]
  }
}
