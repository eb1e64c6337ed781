import type { ServiceTimeConfig } from './config.js'
import type { RandomStream } from './random.js'

/** A distribution of service times. */
export interface Distribution {
  /** ms. */
  readonly mean: number
  sample(random: RandomStream): number
}

export function distributionOf(config: ServiceTimeConfig): Distribution {
  if (typeof config === 'number') return { mean: config, sample: () => config }
  if ('exponential' in config) {
    const { meanMs } = config.exponential
    return { mean: meanMs, sample: (random) => random.exponential(meanMs) }
  }
  if ('logNormal' in config) {
    const { medianMs, sigma } = config.logNormal
    return {
      mean: medianMs * Math.exp(sigma ** 2 / 2),
      sample: (random) => medianMs * Math.exp(sigma * random.normal()),
    }
  }
  if ('pareto' in config) {
    const { minMs, alpha } = config.pareto
    return {
      mean: (alpha * minMs) / (alpha - 1),
      sample: (random) => minMs * random.uniform() ** (-1 / alpha),
    }
  }
  if ('bimodal' in config) {
    const { fastMs, slowMs, slowShare } = config.bimodal
    return {
      mean: fastMs * (1 - slowShare) + slowMs * slowShare,
      sample: (random) => (random.uniform() <= slowShare ? slowMs : fastMs),
    }
  }
  const times = Float64Array.from(config.empirical)
  return {
    mean: times.reduce((sum, time) => sum + time, 0) / times.length,
    sample: (random) => times[random.below(times.length)],
  }
}
