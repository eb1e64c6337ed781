import { medianRatio, percentile } from './statistics.js'

export type EngineKind = 'native' | 'fallback'

/** One row of the table, and of the JSON file's `results`. */
export interface Result {
  readonly suite: string
  /** What was measured, and on what. */
  readonly name: string
  /** fairlead's engine in the rows of fairlead; null in the rows of others. */
  readonly engine: EngineKind | null
  /** In the rows of fairlead what `ratio` compares with, or null; in the rows of others who they are. */
  readonly peer: string | null
  readonly unit: string
  /** Median over the rounds; null where it is infinite (never happened). */
  readonly value: number | null
  readonly p5: number | null
  readonly p95: number | null
  /** Median over the rounds of fairlead / peer. */
  readonly ratio: number | null
  /** What the row is meant to reach, in words; null where nothing was set. */
  readonly target: string | null
  /** Whether it did; null without a target. */
  readonly met: boolean | null
}

/** What a row is to reach, of its ratio or of its value. */
export interface Target {
  readonly of: 'ratio' | 'value'
  readonly atMost?: number
  readonly atLeast?: number
}

interface Row {
  suite: string
  name: string
  unit: string
  samples: readonly number[]
  engine?: EngineKind
  peer?: string
  /** The peer's samples of the same rounds. */
  against?: readonly number[]
  target?: Target
}

/** Makes a row from the samples of its rounds. */
export function result({ suite, name, unit, samples, engine, peer, against, target }: Row): Result {
  const value = percentile(samples, 0.5)
  const ratio = against === undefined ? undefined : medianRatio(samples, against)
  return {
    suite,
    name,
    engine: engine ?? null,
    peer: peer ?? null,
    unit,
    value: finite(value),
    p5: finite(percentile(samples, 0.05)),
    p95: finite(percentile(samples, 0.95)),
    ratio: ratio === undefined ? null : finite(ratio),
    target: target === undefined ? null : words(target, unit),
    met: target === undefined ? null : reached(target, target.of === 'ratio' ? ratio : value),
  }
}

/** JSON knows no infinity, and six digits are more than any of this is worth. */
const finite = (value: number): number | null =>
  Number.isFinite(value) ? Number(value.toPrecision(6)) : null

function reached({ atMost, atLeast }: Target, measured: number | undefined): boolean {
  if (measured === undefined) return false
  return (atMost === undefined || measured <= atMost) && (atLeast === undefined || measured >= atLeast)
}

function words({ of, atMost, atLeast }: Target, unit: string): string {
  const bound = atMost === undefined ? `>= ${atLeast}` : `<= ${Number(atMost.toPrecision(4))}`
  return of === 'ratio' ? `ratio ${bound}` : `${bound} ${unit}`
}
