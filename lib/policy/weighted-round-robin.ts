import type { StatelessPolicy } from './policy.js'
import { roundRobin } from './round-robin.js'
import { strideOver } from './stride.js'
import { areEqual, weightsOf } from './weights.js'

/** Each endpoint in proportion to its weight, spread evenly over time. Equal weights are round robin. */
export const weightedRoundRobin: StatelessPolicy = {
  name: 'weighted-round-robin',
  latency: 'plain',
  picker: (view, options) => {
    const weights = weightsOf(view, view.usable)
    return areEqual(weights) ? roundRobin.picker(view, options) : strideOver(view, weights)
  },
}
