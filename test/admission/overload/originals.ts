/** Limiters that others ship, with their constants. Each from its source, in the shape that the model asks for. */
import type { Limiter } from './shape.js'

const MAX = 1_024

/** No limit but the 1,024 of Envoy's circuit breaker; or the given one. */
export class FixedLimit implements Limiter {
  limit: number
  baseMs = 0
  constructor(limit = MAX, baseMs = 0) {
    this.limit = limit
    this.baseMs = baseMs
  }
  sent(): number {
    return 0
  }
  answered(): void {}
  aborted(): void {}
  full(): void {}
}

/** Samples in windows, as Netflix's WindowedLimit: at least 10 samples and 1 s. A limiter decides at each window's end. */
abstract class Windowed implements Limiter {
  limit: number
  baseMs = 0
  protected count = 0
  protected sum = 0
  protected min = Number.POSITIVE_INFINITY
  protected maxInFlight = 0
  protected dropped = 0
  protected start = 0
  constructor(
    initial: number,
    readonly windowMs = 1_000,
    readonly samples = 10,
  ) {
    this.limit = initial
  }
  sent(_now: number, inFlight: number): number {
    if (inFlight > this.maxInFlight) this.maxInFlight = inFlight
    return 0
  }
  answered(now: number, latencyMs: number, _inFlight: number, mark: number): void {
    if (!this.takes(mark)) return
    this.count++
    this.sum += latencyMs
    if (latencyMs < this.min) this.min = latencyMs
    this.look(now)
  }
  aborted(now: number, _ageMs: number, _inFlight: number, mark: number): void {
    if (!this.takes(mark)) return
    this.dropped++
    this.look(now)
  }
  full(): void {}
  protected takes(_mark: number): boolean {
    return true
  }
  protected look(now: number): void {
    if (this.count + this.dropped < this.samples || now - this.start < this.windowMs) return
    this.decide(now)
    this.clear(now)
  }
  protected clear(now: number): void {
    this.count = 0
    this.sum = 0
    this.min = Number.POSITIVE_INFINITY
    this.maxInFlight = 0
    this.dropped = 0
    this.start = now
  }
  protected abstract decide(now: number): void
}

/** Netflix concurrency-limits, VegasLimit: alpha 3, beta 6, threshold 1 times log10 of the limit; probes every 30 limits. */
export class Vegas extends Windowed {
  #estimate = 20
  #probes = 0
  #jitter = 0.75
  constructor() {
    super(20)
  }
  protected decide(): void {
    const rtt = this.count > 0 ? this.sum / this.count : 0
    const log = Math.max(1, Math.floor(Math.log10(this.#estimate)))
    if (rtt > 0) {
      this.#probes++
      if (this.#jitter * 30 * this.#estimate <= this.#probes) {
        this.#probes = 0
        this.baseMs = rtt
        return
      }
      if (this.baseMs === 0 || rtt < this.baseMs) {
        this.baseMs = rtt
        return
      }
    }
    const queue = rtt > 0 ? Math.ceil(this.#estimate * (1 - this.baseMs / rtt)) : 0
    let next = this.#estimate
    if (this.dropped > 0) next -= log
    else if (this.maxInFlight * 2 < this.#estimate) return
    else if (queue <= log) next += 6 * log
    else if (queue < 3 * log) next += log
    else if (queue > 6 * log) next -= log
    this.#estimate = Math.max(1, Math.min(1_000, next))
    this.limit = Math.floor(this.#estimate)
  }
}

/** Netflix concurrency-limits, Gradient2Limit: 4 of queue, smoothing 0.2, long window of 600. `floor` is 20 as shipped. */
export class Gradient2 extends Windowed {
  #estimate = 20
  #samples = 0
  readonly #floor: number
  constructor(floor: number) {
    super(20)
    this.#floor = floor
  }
  protected decide(): void {
    if (this.count === 0) return
    const short = this.sum / this.count
    this.#samples++
    // Its long average: a mean of the first ten, then exponential.
    if (this.#samples <= 10) this.baseMs += (short - this.baseMs) / this.#samples
    else this.baseMs += (short - this.baseMs) * (2 / 601)
    if (this.baseMs / short > 2) this.baseMs *= 0.9
    if (this.maxInFlight < this.#estimate / 2) return
    const gradient = Math.max(0.5, Math.min(1, this.baseMs / short))
    const next = this.#estimate * gradient + 4
    this.#estimate = Math.max(this.#floor, Math.min(200, this.#estimate * 0.8 + next * 0.2))
    this.limit = Math.floor(this.#estimate)
  }
}

/** Envoy's gradient controller: limit 3 until 50 answers gave the least round trip (a median), each 30 s; update each 100 ms. */
export class EnvoyGradient extends Windowed {
  #probing = true
  #deferred = 3
  #epoch = 0
  #next = 0
  #atMinimum = 0
  #values: number[] = []
  constructor() {
    super(3, 100, 1)
  }
  override sent(now: number, inFlight: number): number {
    super.sent(now, inFlight)
    return this.#epoch
  }
  protected override takes(mark: number): boolean {
    return mark === this.#epoch
  }
  override answered(now: number, latencyMs: number, inFlight: number, mark: number): void {
    if (this.takes(mark)) this.#values.push(latencyMs)
    super.answered(now, latencyMs, inFlight, mark)
  }
  protected override look(now: number): void {
    if (this.#probing) {
      if (this.#values.length < 50) return
      this.baseMs = this.#median()
      this.#probing = false
      this.limit = this.#deferred
      this.#next = now + 30_000 * 1.075
      this.clear(now)
      return
    }
    if (now >= this.#next) return this.#probe(now)
    super.look(now)
  }
  #probe(now: number): void {
    this.#probing = true
    this.#deferred = this.limit
    this.limit = 3
    this.#epoch++
    this.#values = []
    this.clear(now)
  }
  #median(): number {
    const sorted = this.#values.sort((a, b) => a - b)
    const median = sorted[sorted.length >> 1]
    this.#values = []
    return median
  }
  protected decide(now: number): void {
    if (this.#values.length === 0) return
    const gradient = Math.max(0.5, Math.min(2, (this.baseMs * 1.25) / this.#median()))
    const limit = this.limit * gradient
    const next = Math.max(3, Math.min(1_000, Math.floor(limit + Math.sqrt(limit))))
    this.#atMinimum = next === 3 && this.limit === 3 ? this.#atMinimum + 1 : 0
    this.limit = next
    if (this.#atMinimum >= 5) {
      this.#atMinimum = 0
      this.#probe(now)
    }
  }
}

/** Netflix concurrency-limits, AIMDLimit, on callers' aborts: 0.9 down, 1 up when half in use; from 20. */
export class Aimd implements Limiter {
  limit = 20
  baseMs = 0
  sent(): number {
    return 0
  }
  answered(_now: number, _latencyMs: number, inFlight: number): void {
    if ((inFlight + 1) * 2 >= this.limit) this.limit = Math.min(MAX, this.limit + 1)
  }
  aborted(): void {
    this.limit = Math.max(1, Math.floor(this.limit * 0.9))
  }
  full(): void {}
}

/**
 * Uber's Cinnamon, as its article tells: Vegas on a target latency, which is set anew every so often, and a limit that is
 * lowered where throughput does not grow with what is in flight (negative covariance). Constants that it does not give
 * are Vegas's.
 */
export class Cinnamon extends Windowed {
  #estimate = 20
  readonly #rates: number[] = []
  readonly #loads: number[] = []
  #windows = 0
  constructor() {
    super(20, 250, 10)
  }
  protected decide(now: number): void {
    if (this.count === 0) {
      this.#estimate = Math.max(1, this.#estimate - 1)
      this.limit = Math.floor(this.#estimate)
      return
    }
    const rtt = this.sum / this.count
    if (this.baseMs === 0 || rtt < this.baseMs) this.baseMs = rtt
    this.#rates.push(this.count / (now - this.start))
    this.#loads.push((this.count * rtt) / (now - this.start))
    if (this.#rates.length > 50) {
      this.#rates.shift()
      this.#loads.shift()
    }
    const log = Math.max(1, Math.log10(this.#estimate))
    if (++this.#windows % 50 === 0) {
      // The new target is taken at a limit that throughput justifies.
      if (covariance(this.#rates, this.#loads) <= 0) this.#estimate *= 0.8
      this.baseMs = rtt
    } else {
      const queue = this.#estimate * (1 - this.baseMs / rtt)
      if (this.dropped > 0 || queue > 6 * log) this.#estimate -= log
      else if (this.maxInFlight * 2 >= this.#estimate && queue < 3 * log) this.#estimate += log
    }
    this.#estimate = Math.max(1, Math.min(1_000, this.#estimate))
    this.limit = Math.floor(this.#estimate)
  }
}

function covariance(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length
  const [meanA, meanB] = [mean(a), mean(b)]
  return a.reduce((sum, value, i) => sum + (value - meanA) * (b[i] - meanB), 0)
}

/** bRPC's automatic limiter: least window average times peak rate; windows of 100 to 500 answers within 1 s; halved each 50 s. */
export class Brpc extends Windowed {
  #peak = 0
  #rates: number[] = []
  #resetAt = 37_500
  #resetEnd = 0
  readonly #floor: number
  constructor(floor: number) {
    super(40, 0, 100)
    this.#floor = floor
  }
  protected override look(now: number): void {
    const all = this.count + this.dropped
    if (all < 100 || (now - this.start < 1_000 && all < 500)) return
    if (this.count === 0) this.limit = Math.max(this.#floor, this.limit >> 1)
    else this.decide(now)
    this.clear(now)
  }
  protected decide(now: number): void {
    const mean = this.sum / this.count
    if (this.baseMs <= 0) this.baseMs = mean
    else if (mean < this.baseMs) this.baseMs = this.baseMs * 0.9 + mean * 0.1
    this.#rates.push(this.count / (now - this.start))
    if (this.#rates.length > 50) this.#rates.shift()
    const peak = Math.max(...this.#rates)
    this.#peak = peak >= this.#peak ? peak : this.#peak * 0.9 + peak * 0.1
    if (this.#resetEnd > now) return
    if (this.#resetAt <= now) {
      this.baseMs = -1
      this.#resetAt = now + 37_500
      this.#resetEnd = now + 2_000
      this.limit = Math.max(this.#floor, this.limit >> 1)
      return
    }
    let next = Math.ceil(this.baseMs * this.#peak)
    if (mean < 1.4 * this.baseMs) next = Math.ceil(next * (2.4 - mean / this.baseMs))
    this.limit = Math.max(this.#floor, next)
  }
}
