import type { TopologyMeasurement } from '../model/index.js'

/** Of a round trip's average, what a new one counts (RFC 6298). */
const GAIN = 1 / 8
/** Changes of a round trip or a bandwidth below this share are not worth telling all threads. */
const NOTICED_SHARE = 0.05
const NOTICED_MS = 0.1

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
  #told: TopologyMeasurement | undefined

  /** @param samples probes that loss is counted over @param cutAfter silent rounds after which the regions count as cut off */
  constructor(from: string, to: string, samples: number, cutAfter: number) {
    this.#from = from
    this.#to = to
    this.#samples = samples
    this.#cutAfter = cutAfter
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
    if (this.#told !== undefined && isMuchAs(this.#told, measurement)) return undefined
    this.#told = measurement
    return measurement
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
