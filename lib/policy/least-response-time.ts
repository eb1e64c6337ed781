import { SLOT } from '../engine/layout.js'
import { lowestOf } from './choose.js'
import type { StatelessPolicy } from './policy.js'

/**
 * Lowest average response time times (in-flight + 1), over the weight, among all endpoints: what nginx calls
 * `least_time`. The average is a plain EWMA: it follows a slow answer only slowly, where `peak-ewma` jumps.
 * An endpoint without an answer yet has load 0 and is asked first.
 */
export const leastResponseTime: StatelessPolicy = {
  name: 'least-response-time',
  latency: 'plain',
  picker: (view, { choices }) => {
    const { state } = view
    return lowestOf(
      view,
      view.slots,
      (slot, now) =>
        (state.core.latency(slot, now) * (state.peek(slot, SLOT.IN_FLIGHT) + 1)) /
        state.getFloat(slot, SLOT.WEIGHT),
      choices,
    )
  },
}
