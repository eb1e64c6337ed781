import { bestOf, byLoad } from './choose.js'
import type { StatelessPolicy } from './policy.js'
import { drawByWeight } from './weights.js'

/**
 * Lowest latency times (in-flight + 1), over the weight, among all endpoints: what nginx calls `least_time`. The latency
 * is a plain EWMA, which follows a slow answer only slowly, where `peak-ewma` jumps; or the silence where that is longer.
 * An endpoint without an answer yet has load 0.
 */
export const leastResponseTime: StatelessPolicy = {
  name: 'least-response-time',
  latency: 'plain',
  picker: (view, { choices }) => {
    const { core } = view.state
    const comparison = byLoad(view, (slot, now) => core.latency(slot, now))
    return bestOf(view, view.slots, comparison, choices, drawByWeight(view))
  },
}
