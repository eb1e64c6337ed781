/** How evenly keys are spread, and how many move that need not when an endpoint leaves. */
import type { Case } from '../harness/case.js'
import { origins } from '../pick/origins.js'
import type { Parameters } from './build.js'
import { keysOf, PLACEMENTS, type Place } from './placements.js'

const PER_CENT = 100

export function prepare({ placement, endpoints }: Parameters): Case {
  const ids = origins(endpoints)
  const rest = ids.slice(0, -1)
  const [before, after] = [ids, rest].map((list) => named(PLACEMENTS[placement](list), list))
  const leaver = ids[endpoints - 1]
  return {
    /** `seed` and number of the keys. */
    slice(input) {
      const { seed, keys } = input as { seed: number; keys: number }
      const counts = new Map(ids.map((id) => [id, 0]))
      let moved = 0
      for (const key of keysOf(keys, seed)) {
        const id = before(key)
        counts.set(id, (counts.get(id) as number) + 1)
        if (id !== leaver && after(key) !== id) moved++
      }
      const mean = keys / endpoints
      let squares = 0
      for (const count of counts.values()) squares += (count - mean) ** 2
      return {
        deviation: (PER_CENT * Math.sqrt(squares / endpoints)) / mean,
        most: (PER_CENT * Math.max(...counts.values())) / mean,
        extra: (PER_CENT * moved) / keys,
      }
    },
  }
}

const named = (place: Place, ids: readonly string[]): ((key: string) => string) => {
  return (key) => {
    const at = place(key)
    return typeof at === 'number' ? ids[at] : at
  }
}
