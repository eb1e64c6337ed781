/** How long it takes until the first key can be looked up. */
import type { Case } from '../harness/case.js'
import { origins } from '../pick/origins.js'
import { PLACEMENTS, type PlacementName } from './placements.js'

export interface Parameters {
  readonly placement: PlacementName
  readonly endpoints: number
}

export function prepare({ placement, endpoints }: Parameters): Case {
  const ids = origins(endpoints)
  const build = PLACEMENTS[placement]
  return {
    slice(ms) {
      const begun = performance.now()
      let elapsed = 0
      let builds = 0
      do {
        build(ids)
        builds++
        elapsed = performance.now() - begun
      } while (elapsed < (ms as number))
      return { ms: elapsed / builds }
    },
  }
}
