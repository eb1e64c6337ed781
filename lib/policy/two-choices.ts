import type { Picker } from '../engine/contract.js'
import { DISTRIBUTOR, type MetricCode } from '../engine/layout.js'
import type { PolicyView } from './policy.js'
import { drawByWeight } from './weights.js'

/**
 * The less loaded of two distinct endpoints drawn by weight (Mitzenmacher 2001), in one call of the engine. It does not
 * herd when many threads choose at once, as a scan for the one global minimum does.
 */
export const twoChoices = (view: PolicyView, metric: MetricCode): Picker =>
  view.state.core.picker({
    distributor: DISTRIBUTOR.TWO_CHOICES,
    metric,
    service: view.service,
    slots: view.slots,
    draw: drawByWeight(view),
  })
