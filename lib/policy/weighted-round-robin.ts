import { stateless } from './policy.js'
import { roundRobin } from './round-robin.js'
import { strideOver } from './stride.js'
import { areEqual, weightsOf } from './weights.js'

/** Each endpoint in proportion to its weight, spread evenly over time. Equal weights are round robin. */
export const weightedRoundRobin = stateless({
  name: 'weighted-round-robin',
  options: {},
  otherNames: ['wrr'],
  latency: 'plain',
  picker: (view, options) => {
    const weights = weightsOf(view, view.usable)
    return areEqual(weights) ? roundRobin.picker(view, options) : strideOver(view, weights)
  },
})
