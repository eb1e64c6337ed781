import { DISTRIBUTOR, METRIC } from '../engine/layout.js'
import type { StatelessPolicy } from './policy.js'

/** Each endpoint in turn: one atomic cursor a service, exactly fair over all threads. Weights are ignored. */
export const roundRobin: StatelessPolicy = {
  name: 'round-robin',
  latency: 'plain',
  ignoresWeights: true,
  picker: ({ state, service, slots }) =>
    state.core.picker({ distributor: DISTRIBUTOR.ROUND_ROBIN, metric: METRIC.IN_FLIGHT, service, slots }),
}
