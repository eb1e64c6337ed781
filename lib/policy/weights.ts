import { SLOT } from '../engine/layout.js'
import type { Candidate, PolicyView } from './policy.js'

/** The weights in force, by position: as configured, by rule, set at run time, or by agent check. All above 0. */
export const weightsOf = ({ state }: PolicyView, members: readonly Candidate[]): Float64Array =>
  Float64Array.from(members, ({ slot }) => state.getFloat(slot, SLOT.WEIGHT))

export function areEqual(weights: Float64Array): boolean {
  for (const weight of weights) if (weight !== weights[0]) return false
  return true
}
