/** Order statistics over the rounds of a run: robust where a neighbour on the machine spoils some of them. */

/** Value below which the share `p` (0 to 1) of the samples lies, linear between neighbours (Hyndman and Fan, type 7). */
export function percentile(samples: readonly number[], p: number): number {
  if (samples.length === 0) throw new RangeError('a percentile of no samples')
  const sorted = [...samples].sort((a, b) => a - b)
  const at = p * (sorted.length - 1)
  const below = Math.floor(at)
  const low = sorted[below]
  const high = sorted[Math.min(below + 1, sorted.length - 1)]
  // Equal neighbours are returned as they are: both may be infinite.
  return low === high ? low : low + (high - low) * (at - below)
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5)

/**
 * Median of the ratios of each round: both sides of a ratio ran next to each other, so what slows the whole machine
 * for a while cancels out. Undefined without a round in which both sides are finite and the lower one is above 0.
 */
export function medianRatio(upper: readonly number[], lower: readonly number[]): number | undefined {
  const ratios = upper.map((value, round) => value / lower[round]).filter((ratio) => Number.isFinite(ratio))
  return ratios.length === 0 ? undefined : median(ratios)
}

/** Median of the differences of each round. */
export const differences = (minuend: readonly number[], subtrahend: readonly number[]): number[] =>
  minuend.map((value, round) => value - subtrahend[round])
