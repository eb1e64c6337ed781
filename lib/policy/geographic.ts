import { SLOT } from '../engine/layout.js'
import { lowestOf } from './choose.js'
import type { PolicyPicker, StatelessPolicy } from './policy.js'

/**
 * The endpoints of the request's region (this process's own where it names none), the one with the fewest requests in flight for its weight first; where the
 * region has none usable, or all of them are at their limit, the other regions' endpoints by the same measure.
 */
export const geographic: StatelessPolicy = {
  name: 'geographic',
  latency: 'plain',
  picker: (view) => {
    const { state } = view
    const load = (slot: number) => (state.peek(slot, SLOT.IN_FLIGHT) + 1) / state.getFloat(slot, SLOT.WEIGHT)
    const among = (keep: (region: string) => boolean): PolicyPicker => {
      const slots = view.usable.filter(({ endpoint }) => keep(endpoint.region)).map(({ slot }) => slot)
      return lowestOf(view, Uint32Array.from(slots), load, 'all')
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
}
