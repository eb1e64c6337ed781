import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

export const US_PER_MS = 1000

/** Whole microseconds from 1 on, with three significant digits. */
export const microseconds = (): RecordableHistogram =>
  createHistogram({ lowest: 1, highest: 600_000_000, figures: 3 })

export const record = (histogram: RecordableHistogram, ms: number): void =>
  histogram.record(Math.max(1, Math.round(ms * US_PER_MS)))

/** ms; 0 of nothing. */
export const percentile = (histogram: RecordableHistogram, percent: number): number =>
  histogram.count === 0 ? 0 : histogram.percentile(percent) / US_PER_MS
