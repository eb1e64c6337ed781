import type { Progress } from './messages.js'
import { ENDPOINT_NAMES, type EndpointName } from './script.js'

const MS_PER_SECOND = 1000
const EXACT_BELOW_MS = 100

export const seconds = (ms: number): string => `${(ms / MS_PER_SECOND).toFixed(1)} s`

/** Three digits are what a measurement of this kind is good for. */
export const milliseconds = (ms: number): string =>
  ms < EXACT_BELOW_MS ? ms.toFixed(1) : grouped(Math.round(ms))

export const grouped = (value: number): string => value.toLocaleString('en-US')

/** A share of a whole that may be nothing. */
export const percent = (part: number, whole: number): string =>
  whole === 0 ? '-' : `${((100 * part) / whole).toFixed(part === 0 || part === whole ? 0 : 1)}%`

export interface Rates {
  readonly answeredPerSecond: number
  /** Of the tries since the last reading, 0 to 1. */
  readonly shares: Readonly<Record<EndpointName, number>>
}

/** What happened between two readings. */
export class RateMeter {
  #before: Progress | undefined

  update(now: Progress): Rates {
    const before = this.#before
    this.#before = now
    const elapsed = (now.elapsedMs - (before?.elapsedMs ?? 0)) / MS_PER_SECOND
    const tries = ENDPOINT_NAMES.map(
      (name) => now.endpoints[name].tries - (before?.endpoints[name].tries ?? 0),
    )
    const sum = tries.reduce((a, b) => a + b, 0)
    return {
      answeredPerSecond: elapsed > 0 ? (now.answered - (before?.answered ?? 0)) / elapsed : 0,
      shares: Object.fromEntries(
        ENDPOINT_NAMES.map((name, i) => [name, sum === 0 ? 0 : tries[i] / sum]),
      ) as Record<EndpointName, number>,
    }
  }
}
