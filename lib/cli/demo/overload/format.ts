import { milliseconds, seconds } from '../format.js'
import type { OverloadProgress } from './messages.js'
import { LOAD, type OverloadPlan, PATIENCE_MS } from './script.js'

const MS_PER_SECOND = 1000

export const goodputText = (goodput: number): string => `${Math.round(100 * goodput)}%`

/** Of what nobody was measured at there is no time. */
export const millisecondsOrNone = (ms: number | null): string => (ms === null ? '-' : milliseconds(ms))

export const offerText = ({ rate }: OverloadPlan): string =>
  `${rate.toFixed(0)} requests/s, ${LOAD} times what they can serve, by callers who give up after ${seconds(PATIENCE_MS)}`

export const waiting = ({ outcomes }: OverloadProgress): number =>
  outcomes.requests - outcomes.inTime - outcomes.refused - outcomes.gaveUp - outcomes.failed

/** Answers in time per second, between readings. */
export class GoodputMeter {
  #before: OverloadProgress | undefined

  update(now: OverloadProgress): number {
    const before = this.#before
    this.#before = now
    const elapsed = (now.elapsedMs - (before?.elapsedMs ?? 0)) / MS_PER_SECOND
    return elapsed > 0 ? (now.outcomes.inTime - (before?.outcomes.inTime ?? 0)) / elapsed : 0
  }
}
