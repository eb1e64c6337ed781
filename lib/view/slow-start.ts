import { MAX_MS } from '../options/common.js'
import { group, number } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'

export const SLOW_START = group(
  {
    windowMs: number({
      integer: true,
      min: 1,
      max: MAX_MS,
      unit: 'ms',
      required: true,
      about:
        'Time that an endpoint takes to its whole share after it was added, or has recovered. Without `slowStart` it gets that at once.',
    }),
    aggression: number({
      min: 0,
      above: true,
      max: 100,
      default: 1,
      source: 'Envoy',
      about: 'The share is (time / window)^(1 / aggression): 1 is a straight line, more begins faster.',
    }),
    minWeightPercent: number({
      min: 1,
      max: 100,
      unit: '%',
      default: 10,
      source: 'Envoy',
      about: 'Share that it has at the least.',
    }),
  },
  {
    name: 'SlowStartConfig',
    off: true,
    summary:
      'An endpoint that has just begun to take requests, or does so again, gets a growing share of its due.',
  },
)

export type SlowStartOptions = ResolvedOf<typeof SLOW_START.shape>

/** An endpoint is never taken to be younger: with a factor of nothing nobody would ever ask it (Envoy). */
const LEAST_AGE_MS = 1_000
/** Factors are worked out anew this many times in a window. */
const STEPS = 20
/** ... but not more often than this, in ms. */
const LEAST_STEP_MS = 100

/**
 * What share of its weight an endpoint counts for that has taken requests for `ageMs` (Envoy):
 * max(minimum, time factor ^ (1 / aggression)), where the time factor is the age over the window.
 */
export function slowStartFactor(ageMs: number, options: SlowStartOptions): number {
  const { windowMs, aggression, minWeightPercent } = options
  if (ageMs >= windowMs) return 1
  const timeFactor = Math.min(1, Math.max(ageMs, LEAST_AGE_MS) / windowMs)
  return Math.max(minWeightPercent / 100, timeFactor ** (1 / aggression))
}

/** ms until factors are worth working out again. */
export const slowStartStepMs = ({ windowMs }: SlowStartOptions): number =>
  Math.max(LEAST_STEP_MS, windowMs / STEPS)
