import { HISTOGRAM_BUCKETS, HISTOGRAM_SUB_BITS } from './layout.js'

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

/** Adds the counts of `from` to `into`; counts are unsigned words. */
export function mergeHistogram(into: Float64Array, from: Int32Array): void {
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) into[bucket] += from[bucket] >>> 0
}

export function summarise(counts: Float64Array): LatencySummary {
  let count = 0
  let sum = 0
  for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
    count += counts[bucket]
    sum += counts[bucket] * bucketMiddleMs(bucket)
  }
  const quantile = (q: number): number => {
    if (count === 0) return 0
    // The smallest value that at least q of the samples do not exceed.
    const rank = Math.max(1, Math.ceil(q * count))
    let seen = 0
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) {
      seen += counts[bucket]
      if (seen >= rank) return bucketMiddleMs(bucket)
    }
    return bucketMiddleMs(HISTOGRAM_BUCKETS - 1)
  }
  return {
    count,
    mean: count === 0 ? 0 : sum / count,
    p50: quantile(0.5),
    p90: quantile(0.9),
    p99: quantile(0.99),
    p999: quantile(0.999),
  }
}
