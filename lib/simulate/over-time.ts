import { ENDED, type Recorder } from './recorder.js'

const STEPS = 60
const MS_PER_S = 1_000

/** How much was asked and answered over time: requests that count, from the first of them to the last, in equal steps. */
export interface OverTime {
  /** Arrival of the first one, ms since the simulation began. */
  readonly fromMs: number
  readonly stepMs: number
  /** Requests that arrived, a second, by step. */
  readonly offered: readonly number[]
  /** Requests that were answered within their deadline, a second, by step; in the step in which they were answered. */
  readonly goodput: readonly number[]
}

export function overTime({ count, arrivedAt, latencyMs, ended }: Recorder): OverTime {
  const fromMs = count === 0 ? 0 : arrivedAt[0]
  const spanMs = count === 0 ? 0 : arrivedAt[count - 1] - fromMs
  if (spanMs === 0) return { fromMs, stepMs: 0, offered: [], goodput: [] }
  const stepMs = spanMs / STEPS
  const offered = new Array<number>(STEPS).fill(0)
  const goodput = new Array<number>(STEPS).fill(0)
  for (let i = 0; i < count; i++) {
    offered[Math.min(STEPS - 1, Math.floor((arrivedAt[i] - fromMs) / stepMs))]++
    if (ended[i] !== ENDED.ANSWERED) continue
    const step = Math.floor((arrivedAt[i] + latencyMs[i] - fromMs) / stepMs)
    // What is answered after the last arrival is answered while nothing is asked any more.
    if (step < STEPS) goodput[step]++
  }
  const perSecond = (requests: number) => (requests * MS_PER_S) / stepMs
  return { fromMs, stepMs, offered: offered.map(perSecond), goodput: goodput.map(perSecond) }
}

/** Requests that were answered within their deadline in these ms, a second; NaN where they are none. */
export function goodputBetween(
  { count, arrivedAt, latencyMs, ended }: Recorder,
  fromMs: number,
  untilMs: number,
): number {
  let answered = 0
  for (let i = 0; i < count; i++) {
    const at = arrivedAt[i] + latencyMs[i]
    if (ended[i] === ENDED.ANSWERED && at >= fromMs && at < untilMs) answered++
  }
  return untilMs > fromMs ? (answered * MS_PER_S) / (untilMs - fromMs) : Number.NaN
}
