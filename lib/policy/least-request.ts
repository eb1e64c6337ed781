import { DISTRIBUTOR, METRIC, SLOT } from '../engine/layout.js'
import { drawTable } from '../engine/weighted-draw.js'
import { lowestOf } from './choose.js'
import type { StatelessPolicy } from './policy.js'
import { weightsOf } from './weights.js'

/**
 * Fewest requests in flight for its weight: (in-flight + 1)^bias / weight (Envoy). By default the lower of two distinct
 * endpoints chosen at random (Mitzenmacher 2001), which does not herd when many threads choose at once as a scan for the
 * one global minimum does; `choices` takes more of them, or `'all'`.
 */
export const leastRequest: StatelessPolicy = {
  name: 'least-request',
  latency: 'plain',
  picker: (view, { choices, bias }) => {
    const { state, service, slots } = view
    if (choices === 2 && bias === 1)
      return state.core.picker({
        distributor: DISTRIBUTOR.TWO_CHOICES,
        metric: METRIC.IN_FLIGHT,
        service,
        slots,
        draw: drawTable(weightsOf(view, view.usable)),
      })
    const load = (slot: number) =>
      (state.peek(slot, SLOT.IN_FLIGHT) + 1) ** bias / state.getFloat(slot, SLOT.WEIGHT)
    const unbiased = (slot: number) =>
      (state.peek(slot, SLOT.IN_FLIGHT) + 1) / state.getFloat(slot, SLOT.WEIGHT)
    return lowestOf(view, slots, bias === 1 ? unbiased : load, choices)
  },
}
