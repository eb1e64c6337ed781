import { METRIC, SLOT } from '../engine/layout.js'
import { bestOf, byLoad, type Comparison } from './choose.js'
import type { PolicyView, StatelessPolicy } from './policy.js'
import { twoChoices } from './two-choices.js'
import { drawByWeight } from './weights.js'

/**
 * Fewest requests in flight for its weight: (in-flight + 1)^bias / weight (Envoy). By default the lower of two distinct
 * endpoints; `choices` takes more of them, or `'all'`. With a bias of 0 requests in flight do not count, and each endpoint
 * gets what its weight says, as in Envoy.
 */
export const leastRequest: StatelessPolicy = {
  name: 'least-request',
  latency: 'plain',
  picker: (view, { choices, bias }) => {
    if (choices === 2 && bias === 1) return twoChoices(view, METRIC.IN_FLIGHT)
    const comparison = bias === 1 ? byLoad(view) : biased(view, bias)
    return bestOf(view, view.slots, comparison, choices, drawByWeight(view))
  },
}

/** (in-flight + 1)^bias / weight is in the order of its root, (in-flight + 1) / weight^(1/bias). */
function biased(view: PolicyView, bias: number): Comparison {
  const { state } = view
  if (bias === 0) return { ...byLoad(view), inFlight: () => 0 }
  const root = 1 / bias
  return { ...byLoad(view), worth: (slot) => state.getFloat(slot, SLOT.WEIGHT) ** root }
}
