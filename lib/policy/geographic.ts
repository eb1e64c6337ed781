import { drawTable } from '../engine/weighted-draw.js'
import { ByLoad, bestOf } from './choose.js'
import { type PolicyPicker, stateless } from './policy.js'
import { weightsOf } from './weights.js'

/**
 * The endpoints of the request's region (this process's own where it names none), the one with the fewest requests in flight for its weight first; where the
 * region has none usable, or all of them are at their limit, the other regions' endpoints by the same measure.
 */
export const geographic = stateless({
  name: 'geographic',
  options: {},
  otherNames: ['geo'],
  latency: 'plain',
  picker: (view) => {
    const among = (keep: (region: string) => boolean): PolicyPicker => {
      const members = view.usable.filter(({ endpoint }) => keep(endpoint.region))
      const slots = Uint32Array.from(members, ({ slot }) => slot)
      const weights = weightsOf(view, members)
      return bestOf(view, slots, new ByLoad(view, slots, weights, false), 'all', drawTable(weights))
    }
    const regions = new Set(view.usable.map(({ endpoint }) => endpoint.region))
    const everywhere = among(() => true)
    const local = new Map([...regions].map((region) => [region, among((other) => other === region)]))
    return (request) => {
      const region = request.region ?? view.region
      const near = region === undefined ? undefined : local.get(region)
      const slot = near === undefined ? -1 : near(request)
      return slot >= 0 ? slot : everywhere(request)
    }
  },
})
