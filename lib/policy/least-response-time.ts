import { drawTable } from '../engine/weighted-draw.js'
import { ByLoad, bestOf, CHOICES } from './choose.js'
import { DECAY_MS } from './latency-options.js'
import { stateless } from './policy.js'
import { weightsOf } from './weights.js'

/**
 * Lowest latency times (in-flight + 1), over the weight, among all endpoints: what nginx calls `least_time`. The latency
 * is a plain EWMA, which follows a slow answer only slowly, where `peak-ewma` jumps; or the silence where that is longer.
 */
export const leastResponseTime = stateless({
  name: 'least-response-time',
  options: { choices: CHOICES, decayMs: DECAY_MS },
  otherNames: ['least-time'],
  latency: 'plain',
  looksAtLatency: true,
  picker: (view, { choices }) => {
    const { slots } = view
    const weights = weightsOf(view, view.usable)
    return bestOf(view, slots, new ByLoad(view, slots, weights, true), choices, drawTable(weights))
  },
})
