/**
 * What a run of checks says about an endpoint: pure functions from the state before a check to the state after it.
 */

import { HEALTH } from '../filter.js'
import type { CheckResult } from './check.js'

export interface HealthState {
  /** `HEALTH.UNKNOWN` (counts as healthy for traffic), `HEALTHY` or `UNHEALTHY`. */
  readonly health: number
  /** Checks in a row that passed (positive) or failed (negative); 0 before the first. */
  readonly run: number
}

export interface HealthStep extends HealthState {
  /** `health` is another one than before. */
  readonly changed: boolean
}

/** The run is kept in a signed 32-bit word. */
const MAX_RUN = 0x7fffffff

/**
 * Rise and fall thresholds: `fall` failing checks in a row make an endpoint unhealthy, `rise` passing ones bring it back.
 *
 * An endpoint that was never checked takes traffic; its first passing check makes it healthy, whatever `rise` is, and
 * it takes `fall` failing ones to make it unhealthy. The others start otherwise: Envoy holds a new host out until its
 * first check has passed, so a start waits for the checks and a checker that cannot work leaves no host at all; HAProxy
 * (`init-state up`) takes it in but drops it at one failing check, so that one lost packet at start-up costs a
 * server. fairlead also detects failing endpoints by their requests, so it can afford to trust a new one and
 * to ask for the usual proof before it drops it.
 *
 * @param rise at least 1
 * @param fall at least 1
 */
export function afterCheck(
  state: HealthState,
  result: Pick<CheckResult, 'ok' | 'discarded'>,
  rise: number,
  fall: number,
): HealthStep {
  const { health, run } = state
  if (result.discarded) return { health, run, changed: false }
  if (result.ok) {
    const passed = run > 0 ? Math.min(run + 1, MAX_RUN) : 1
    const back = health === HEALTH.UNKNOWN || (health === HEALTH.UNHEALTHY && passed >= rise)
    return { health: back ? HEALTH.HEALTHY : health, run: passed, changed: back }
  }
  const failed = run < 0 ? Math.min(1 - run, MAX_RUN) : 1
  const out = health !== HEALTH.UNHEALTHY && failed >= fall
  return { health: out ? HEALTH.UNHEALTHY : health, run: -failed, changed: out }
}

/** Score of an endpoint that was never checked: it counts as healthy. */
export const INITIAL_HEALTH_SCORE = 1

/** Weight of the newest check. 1/8 is exact in binary; half of the score's weight lies on the last five checks. */
const SCORE_WEIGHT = 1 / 8

/**
 * Share of the recent checks that passed, 0 to 1: the exponentially weighted average `s + (x - s) / 8`, where x is 1
 * for a passing check and 0 for a failing one (the gain that RFC 6298 takes for round-trip times). Ten seconds of
 * failures at the default interval halve it.
 */
export const healthScore = (score: number, result: Pick<CheckResult, 'ok' | 'discarded'>): number =>
  result.discarded ? score : score + ((result.ok ? 1 : 0) - score) * SCORE_WEIGHT
