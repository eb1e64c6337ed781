import { microseconds, percentile, record, US_PER_MS } from '../histogram.js'
import type { ClientKind } from '../messages.js'
import type { Judged, Outcomes, OverloadProgress, OverloadResult } from './messages.js'
import { CAPACITY, type OverloadPlan, PATIENCE_MS } from './script.js'

const MS_PER_SECOND = 1000
type Histogram = ReturnType<typeof microseconds>

/** Counts the overload of one client, by when each request was due. */
export class OverloadTally {
  readonly #plan: OverloadPlan
  readonly #begin = performance.now()
  readonly #findingOut = new Count()
  readonly #judged = new Count()
  readonly #latency = microseconds()
  readonly #latencySoFar = microseconds()
  readonly #refusedAfter = microseconds()
  readonly #sendDelay = microseconds()
  readonly #errorsByCode: Record<string, number> = {}

  constructor(plan: OverloadPlan) {
    this.#plan = plan
  }

  /** @param delayMs how late it was sent */
  sent(dueMs: number, delayMs: number): void {
    this.#countOf(dueMs).requests++
    record(this.#sendDelay, delayMs)
  }

  answered(dueMs: number, latencyMs: number): void {
    const count = this.#countOf(dueMs)
    if (latencyMs > PATIENCE_MS) {
      count.gaveUp++
      return
    }
    count.inTime++
    record(this.#latencySoFar, latencyMs)
    if (count === this.#judged) record(this.#latency, latencyMs)
  }

  /** @param callerHasGone its time was over */
  failed(dueMs: number, afterMs: number, error: Error, callerHasGone: boolean): void {
    const code = String((error as NodeJS.ErrnoException).code ?? error.name)
    const count = this.#countOf(dueMs)
    if (code === 'FAIRLEAD_OVERLOADED') {
      count.refused++
      if (count === this.#judged) record(this.#refusedAfter, afterMs)
    } else if (callerHasGone) count.gaveUp++
    else {
      count.failed++
      this.#errorsByCode[code] = (this.#errorsByCode[code] ?? 0) + 1
    }
  }

  progress(): OverloadProgress {
    const both = (of: keyof Outcomes): number => this.#findingOut[of] + this.#judged[of]
    return {
      elapsedMs: performance.now() - this.#begin,
      outcomes: {
        requests: both('requests'),
        inTime: both('inTime'),
        refused: both('refused'),
        gaveUp: both('gaveUp'),
        failed: both('failed'),
      },
      p99Ms: percentileOrNull(this.#latencySoFar, 99),
    }
  }

  result(client: ClientKind): OverloadResult {
    const { durationMs, judgedFromMs } = this.#plan
    return {
      client,
      findingOut: judgedOver(this.#findingOut, judgedFromMs),
      judged: judgedOver(this.#judged, durationMs - judgedFromMs),
      latencyMs: percentiles(this.#latency),
      refusedAfterMs: percentiles(this.#refusedAfter),
      errorsByCode: this.#errorsByCode,
      sendDelayMs: { p99: percentile(this.#sendDelay, 99), max: this.#sendDelay.max / US_PER_MS },
    }
  }

  #countOf(dueMs: number): Count {
    return dueMs < this.#plan.judgedFromMs ? this.#findingOut : this.#judged
  }
}

class Count implements Outcomes {
  requests = 0
  inTime = 0
  refused = 0
  gaveUp = 0
  failed = 0
}

const judgedOver = (count: Count, ms: number): Judged => ({
  ...count,
  goodput: count.inTime / ((CAPACITY * ms) / MS_PER_SECOND),
})

const percentiles = (histogram: Histogram): OverloadResult['latencyMs'] => ({
  p50: percentileOrNull(histogram, 50),
  p99: percentileOrNull(histogram, 99),
})

const percentileOrNull = (histogram: Histogram, percent: number): number | null =>
  histogram.count === 0 ? null : percentile(histogram, percent)
