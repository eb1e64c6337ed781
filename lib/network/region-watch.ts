import type { TopologyMeasurement } from '../model/index.js'

/** Of a round trip's average, what a new one counts (RFC 6298). */
const GAIN = 1 / 8
/** Changes of a round trip or a bandwidth below this share are not worth telling all threads. */
const NOTICED_SHARE = 0.05
const NOTICED_MS = 0.1

interface WatchOptions {
  /** Probes that loss is counted over. */
  readonly samples: number
  /** Silent rounds after which the regions count as cut off. */
  readonly cutAfter: number
  /** What another one has measured before. */
  readonly before: TopologyMeasurement | undefined
}

/** What is known of the way from one region to another. */
export class RegionWatch {
  readonly #from: string
  readonly #to: string
  readonly #samples: number
  readonly #cutAfter: number
  /** Whether each of the last probes was answered. */
  readonly #answered: boolean[] = []
  #latencyMs: number | undefined
  #bandwidthMbps: number | undefined
  /** Rounds one after another in which nobody there has answered. */
  #silentRounds = 0
  /** What all threads know, and what they are to be told. */
  #told: TopologyMeasurement | undefined
  #news: TopologyMeasurement | undefined

  constructor(from: string, to: string, { samples, cutAfter, before }: WatchOptions) {
    this.#from = from
    this.#to = to
    this.#samples = samples
    this.#cutAfter = cutAfter
    this.#told = before
    if (before?.isCut) this.#silentRounds = cutAfter
  }

  /** What the probes of one round have given: round trips in ms, undefined where nobody answered. */
  round(latencies: readonly (number | undefined)[]): void {
    for (const latency of latencies) {
      this.#answered.push(latency !== undefined)
      if (this.#answered.length > this.#samples) this.#answered.shift()
      if (latency !== undefined)
        this.#latencyMs =
          this.#latencyMs === undefined ? latency : this.#latencyMs + GAIN * (latency - this.#latencyMs)
    }
    if (latencies.length > 0)
      this.#silentRounds = latencies.every((latency) => latency === undefined) ? this.#silentRounds + 1 : 0
  }

  bandwidth(mbps: number): void {
    this.#bandwidthMbps = mbps
  }

  /** What is to be told, where it differs from what was told last by as much as counts. */
  get news(): TopologyMeasurement | undefined {
    if (this.#answered.length === 0) return undefined
    const measurement: TopologyMeasurement = {
      from: this.#from,
      to: this.#to,
      latencyMs: this.#latencyMs,
      loss: this.#answered.filter((isAnswered) => !isAnswered).length / this.#answered.length,
      bandwidthMbps: this.#bandwidthMbps,
      isCut: this.#silentRounds >= this.#cutAfter,
    }
    this.#news = this.#told !== undefined && isMuchAs(this.#told, measurement) ? undefined : measurement
    return this.#news
  }

  /** The news are told. */
  told(): void {
    this.#told = this.#news ?? this.#told
    this.#news = undefined
  }
}

function isMuchAs(a: TopologyMeasurement, b: TopologyMeasurement): boolean {
  return (
    a.isCut === b.isCut &&
    a.loss === b.loss &&
    isNear(a.latencyMs, b.latencyMs, NOTICED_MS) &&
    isNear(a.bandwidthMbps, b.bandwidthMbps, 0)
  )
}

function isNear(a: number | undefined, b: number | undefined, least: number): boolean {
  if (a === undefined || b === undefined) return a === b
  return Math.abs(a - b) <= Math.max(least, NOTICED_SHARE * a)
}
