import { flag, number } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'

/** Endpoints of a priority level, by number. */
export interface LevelHealth {
  /** That the operator lets take requests. */
  readonly open: number
  readonly healthy: number
  /** Those that are asked in panic: open, but for those that real requests proved broken. */
  readonly unproven: number
}

export const PRIORITY = {
  panicThreshold: number({
    min: 0,
    max: 1,
    default: 0.5,
    source: 'Envoy',
    about:
      'Share of healthy endpoints below which active checks and ejections after 5xx are ignored; those that real requests proved broken are asked only where nobody else is left. 0 turns both off.',
  }),
  failTrafficOnPanic: flag({
    default: false,
    source: 'Envoy',
    about: 'In panic nobody is asked, instead of everybody.',
  }),
  overprovisioningFactor: number({
    min: 1,
    max: 100,
    default: 1.4,
    source: 'Envoy',
    about: 'A priority level counts as whole while this times its healthy share is at least 1.',
  }),
} as const

export type PriorityOptions = Omit<ResolvedOf<typeof PRIORITY>, 'failTrafficOnPanic'>

export interface LevelLoad {
  /** Share of the requests that this level gets, 0 to 1. Those of all levels add up to 1, or to 0 where nothing is usable. */
  readonly load: number
  /** Too few are healthy: those that only checks, or 5xx answers, found at fault get requests too. */
  readonly panic: boolean
}

/**
 * How the requests spread over priority levels, the most preferred first (Envoy's rule, without its rounding to whole per
 * cents). A level's health is its healthy share times the overprovisioning factor, at most 1. The first level takes as
 * much of the load as it has health, the next one of the rest, and so on. Where all levels together have less than 1,
 * each is scaled up to fill it, and only then may a level be in panic; where all of them are, load goes by how many each
 * has to ask.
 */
export function priorityLoads(levels: readonly LevelHealth[], options: PriorityOptions): LevelLoad[] {
  const { overprovisioningFactor, panicThreshold } = options
  const health = levels.map(({ open, healthy }) =>
    open === 0 ? 0 : Math.min(1, (overprovisioningFactor * healthy) / open),
  )
  const total = Math.min(1, sum(health))
  const panics = levels.map(({ open, healthy }) => total < 1 && open > 0 && healthy / open < panicThreshold)
  if (levels.every(({ open }, i) => panics[i] || open === 0)) {
    const asked = sum(levels.map(({ unproven }) => unproven))
    return levels.map(({ unproven }, i) => ({ load: asked === 0 ? 0 : unproven / asked, panic: panics[i] }))
  }
  let left = 1
  return health.map((share, i) => {
    const load = total === 0 ? 0 : Math.min(left, share / total)
    left -= load
    return { load, panic: panics[i] }
  })
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
