import { HISTOGRAM_BUCKETS, HISTOGRAM_SUB_BITS, LINE_SHIFT } from './layout.js'

const SUB = 1 << HISTOGRAM_SUB_BITS
const US_PER_MS = 1000

/** Quantiles of latency in ms; 0 where there is no sample. */
export interface LatencySummary {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
}

/** Middle of a bucket's range in ms: at most 1/16 away from any sample in it. See `HISTOGRAM_BUCKETS`. */
export function bucketMiddleMs(bucket: number): number {
  const octave = bucket >>> HISTOGRAM_SUB_BITS
  const eighth = bucket & (SUB - 1)
  return (2 ** octave * (1 + (eighth + 0.5) / SUB)) / US_PER_MS
}

const MIDDLES_MS = Float64Array.from({ length: HISTOGRAM_BUCKETS }, (_, bucket) => bucketMiddleMs(bucket))
const LINE_BUCKETS = 1 << LINE_SHIFT
/** All lines of a histogram: see `SharedState.addHistogram`. */
export const ALL_LINES = (1 << (HISTOGRAM_BUCKETS >> LINE_SHIFT)) - 1

/** Of the buckets of a set of `lines`: the first, and the one after the last. */
export const firstBucket = (lines: number): number =>
  lines === 0 ? 0 : (31 - Math.clz32(lines & -lines)) * LINE_BUCKETS
export const endBucket = (lines: number): number => (32 - Math.clz32(lines)) * LINE_BUCKETS

/**
 * Of a hundred thousand endpoints at once: hence the table, the quantiles in one pass, smallest first, and `lines`, outside of
 * which all counts are 0.
 */
export function summarise(counts: Float64Array, lines = ALL_LINES): LatencySummary {
  const end = endBucket(lines)
  let bucket = firstBucket(lines)
  let count = 0
  let sum = 0
  for (let i = bucket; i < end; i++) {
    count += counts[i]
    sum += counts[i] * MIDDLES_MS[i]
  }
  if (count === 0) return { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0 }
  let seen = counts[bucket]
  const quantile = (q: number): number => {
    // The smallest value that at least q of the samples do not exceed.
    const rank = Math.max(1, Math.ceil(q * count))
    while (seen < rank && bucket < end - 1) seen += counts[++bucket]
    return MIDDLES_MS[bucket]
  }
  return {
    count,
    mean: sum / count,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
    p999: quantile(0.999),
  }
}
