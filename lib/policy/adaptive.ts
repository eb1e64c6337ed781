import { bestOf, CHOICES } from './choose.js'
import { DECAY_MS } from './latency-options.js'
import { type PolicyPicker, stateless } from './policy.js'
import { ByScore, sharesOf } from './score.js'

const HEALTH_SHARE = 0.3
const ROOM_SHARE = 0.3
const SPEED_SHARE = 0.2
const REGION_SHARE = 0.2
const OTHER_REGION = 0.5

/**
 * Highest of 0.3 health + 0.3 (1 - in-flight/limit) + 0.2 (1 - latency/1 s) + 0.2 region match, the match being 1 in
 * the request's region, or else this process's own (or where neither is named), and 0.5 elsewhere.
 */
export const adaptive = stateless({
  name: 'adaptive',
  options: { choices: CHOICES, decayMs: DECAY_MS },
  latency: 'plain',
  looksAtLatency: true,
  ignoresWeights: true,
  picker: (view, { choices }) => {
    const { health, room } = sharesOf(view)
    const regionOf = new Map(view.usable.map(({ slot, endpoint }) => [slot, endpoint.region]))
    const pickers = new Map<string, PolicyPicker>()
    const pickerFor = (region: string): PolicyPicker => {
      const match = (slot: number) => (region === '' || regionOf.get(slot) === region ? 1 : OTHER_REGION)
      const rest = (slot: number) =>
        HEALTH_SHARE * health(slot) + ROOM_SHARE * room(slot) + REGION_SHARE * match(slot)
      return bestOf(view, view.slots, new ByScore(view, SPEED_SHARE, rest), choices)
    }
    const known = new Set(regionOf.values())
    return (request) => {
      // A region that no endpoint has makes no difference between them: no picker of its own, so that names
      // from outside cannot fill the map.
      const named = request.region ?? view.region
      const region = named !== undefined && known.has(named) ? named : ''
      let picker = pickers.get(region)
      if (picker === undefined) pickers.set(region, (picker = pickerFor(region)))
      return picker(request)
    }
  },
})
