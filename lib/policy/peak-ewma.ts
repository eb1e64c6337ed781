import { DISTRIBUTOR, METRIC } from '../engine/layout.js'
import { drawTable } from '../engine/weighted-draw.js'
import type { StatelessPolicy } from './policy.js'
import { weightsOf } from './weights.js'

/**
 * The default. Load is the latency average times (in-flight + 1), over the weight; two distinct endpoints chosen at
 * random are compared. The average jumps up to a slower answer at once and decays by e^(-dt/decay) otherwise: it is
 * cautious, as in Finagle's and Linkerd's Peak EWMA. An endpoint that has not answered yet counts as `firstRttMs`.
 */
export const peakEwma: StatelessPolicy = {
  name: 'peak-ewma',
  latency: 'peak',
  picker: (view) =>
    view.state.core.picker({
      distributor: DISTRIBUTOR.TWO_CHOICES,
      metric: METRIC.LATENCY,
      service: view.service,
      slots: view.slots,
      draw: drawTable(weightsOf(view, view.usable)),
    }),
}
