import { DISTRIBUTOR, METRIC } from '../engine/layout.js'
import type { StatelessPolicy } from './policy.js'

/** One endpoint at random, each with the same probability. Weights are ignored. */
export const random: StatelessPolicy = {
  name: 'random',
  latency: 'plain',
  ignoresWeights: true,
  picker: ({ state, service, slots }) =>
    state.core.picker({ distributor: DISTRIBUTOR.RANDOM, metric: METRIC.IN_FLIGHT, service, slots }),
}
