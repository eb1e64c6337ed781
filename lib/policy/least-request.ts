import { METRIC } from '../engine/layout.js'
import { drawTable } from '../engine/weighted-draw.js'
import { number } from '../options/kinds.js'
import { ByLoad, bestOf, CHOICES } from './choose.js'
import { stateless } from './policy.js'
import { twoChoices } from './two-choices.js'
import { weightsOf } from './weights.js'

/**
 * Fewest requests in flight for its weight: (in-flight + 1)^bias / weight (Envoy). By default the lower of two distinct
 * endpoints; `choices` takes more of them, or `'all'`. With a bias of 0 requests in flight do not count, and each endpoint
 * gets what its weight says, as in Envoy.
 */
export const leastRequest = stateless({
  name: 'least-request',
  options: {
    choices: { ...CHOICES, default: 2, defaultText: '`2`', source: 'Envoy' },
    bias: number({
      min: 0,
      max: 10,
      default: 1,
      source: 'Envoy',
      about: 'Load is (in-flight + 1)^bias / weight.',
    }),
  },
  otherNames: ['least-connections', 'leastconn', 'p2c', 'power-of-two-choices'],
  latency: 'plain',
  picker: (view, { choices, bias }) => {
    if (choices === 2 && bias === 1) return twoChoices(view, METRIC.IN_FLIGHT)
    const { slots } = view
    const weights = weightsOf(view, view.usable)
    // (in-flight + 1)^bias / weight is in the order of its root, (in-flight + 1) / weight^(1/bias).
    const roots = bias === 1 ? weights : weights.map((weight) => weight ** (1 / bias))
    const comparison = bias === 0 ? NONE_IS_BETTER : new ByLoad(view, slots, roots, false)
    return bestOf(view, slots, comparison, choices, drawTable(weights))
  },
})

const NONE_IS_BETTER = { begin: () => {}, meets: () => false }
