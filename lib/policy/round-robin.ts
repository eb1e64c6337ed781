import { DISTRIBUTOR, METRIC } from '../engine/layout.js'
import { stateless } from './policy.js'

/** Each endpoint in turn: one atomic cursor a service, exactly fair over all threads. Weights are ignored. */
export const roundRobin = stateless({
  name: 'round-robin',
  options: {},
  latency: 'plain',
  ignoresWeights: true,
  picker: ({ state, service, slots }) =>
    state.core.picker({ distributor: DISTRIBUTOR.ROUND_ROBIN, metric: METRIC.IN_FLIGHT, service, slots }),
})
