import { DISTRIBUTOR, METRIC } from '../engine/layout.js'
import { stateless } from './policy.js'

/** One endpoint at random, each with the same probability. Weights are ignored. */
export const random = stateless({
  name: 'random',
  options: {},
  latency: 'plain',
  ignoresWeights: true,
  picker: ({ state, service, slots }) =>
    state.core.picker({ distributor: DISTRIBUTOR.RANDOM, metric: METRIC.IN_FLIGHT, service, slots }),
})
