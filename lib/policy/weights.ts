import { SLOT } from '../engine/layout.js'
import { type DrawTable, drawTable } from '../engine/weighted-draw.js'
import type { Candidate, PolicyView } from './policy.js'

/** The weights in force, by position: as configured, by rule, set at run time, or by agent check. All above 0. */
export function weightsOf({ state }: PolicyView, members: readonly Candidate[]): Float64Array {
  const weights = new Float64Array(members.length)
  for (let i = 0; i < weights.length; i++) weights[i] = state.getFloat(members[i].slot, SLOT.WEIGHT)
  return weights
}

export function areEqual(weights: Float64Array): boolean {
  for (let i = 1; i < weights.length; i++) if (weights[i] !== weights[0]) return false
  return true
}

/** Draws positions of `members` by the weights in force; undefined where these are equal. */
export const drawByWeight = (
  view: PolicyView,
  members: readonly Candidate[] = view.usable,
): DrawTable | undefined => drawTable(weightsOf(view, members))
