export interface SlowStartOptions {
  readonly windowMs: number
  readonly aggression: number
  readonly minWeightPercent: number
}

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
