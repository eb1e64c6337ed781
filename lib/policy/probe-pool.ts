import { HotThreshold, isBetter, type ProbeResult } from './hot-cold.js'

export interface ProbePoolOptions {
  readonly poolSize: number
  readonly maxProbeAgeMs: number
  readonly probesPerRequest: number
  readonly hotQuantile: number
}

/** Results removed for each request, and how much surplus of probes the reuse leaves: the paper's r_remove and delta. */
const REMOVED_PER_REQUEST = 1
const SURPLUS = 1
/** With fewer results a choice is no better than chance. */
const LEAST_RESULTS = 2

/**
 * Prequal's pool of probe results (NSDI 2024, 4.1), oldest first: a result leaves when it is too old, used up, pushed out
 * by newer ones, or removed, one a request, in turn the oldest and the worst, so that the pool is not left with the bad.
 */
export class ProbePool {
  readonly #options: ProbePoolOptions
  readonly #threshold: HotThreshold
  readonly #results: ProbeResult[] = []
  #removeWorst = false

  constructor(options: ProbePoolOptions) {
    this.#options = options
    this.#threshold = new HotThreshold(options.hotQuantile)
  }

  get size(): number {
    return this.#results.length
  }

  /** A probe's answer; it takes the place of an older one of the same slot. */
  add(result: ProbeResult): void {
    const results = this.#results
    const same = results.findIndex(({ slot }) => slot === result.slot)
    if (same >= 0) results.splice(same, 1)
    else if (results.length === this.#options.poolSize) results.shift()
    results.push(result)
    this.#threshold.add(result.inFlight)
  }

  /**
   * The best result's slot, counted as one more request there; -1 where there are too few.
   * @param below a random whole number below `n`: of results that are as good as each other, each is as likely
   */
  take(now: number, isUsable: (slot: number) => boolean, below: (n: number) => number): number {
    const results = this.#results
    const { maxProbeAgeMs } = this.#options
    for (let i = results.length - 1; i >= 0; i--)
      if (now - results[i].at > maxProbeAgeMs || !isUsable(results[i].slot)) results.splice(i, 1)
    if (results.length < LEAST_RESULTS) return -1
    const threshold = this.#threshold.value
    let best = below(results.length)
    for (let i = 1, at = best; i < results.length; i++) {
      if (++at === results.length) at = 0
      if (isBetter(results[at], results[best], threshold)) best = at
    }
    const chosen = results[best]
    // What was sent since the probe is load, too, though nobody has told of it yet.
    chosen.inFlight++
    if (--chosen.usesLeft < 1) results.splice(best, 1)
    this.#removeOne(threshold)
    return chosen.slot
  }

  #removeOne(threshold: number): void {
    const results = this.#results
    if (results.length === 0) return
    let worst = 0
    if (this.#removeWorst)
      for (let i = 1; i < results.length; i++) if (isBetter(results[worst], results[i], threshold)) worst = i
    this.#removeWorst = !this.#removeWorst
    results.splice(worst, 1)
  }
}

/** How often a result may be used, so that as many come as go (the paper's b_reuse); not always a whole number. */
export function reuse({ poolSize, probesPerRequest }: ProbePoolOptions, endpoints: number): number {
  const net = (1 - poolSize / endpoints) * probesPerRequest - REMOVED_PER_REQUEST
  return net > 0 ? Math.max(1, (1 + SURPLUS) / net) : Number.POSITIVE_INFINITY
}
