/** From a key to the endpoint that holds it; nothing is reserved. */
import { origins } from '../pick/origins.js'
import { timedLoop } from '../pick/timed-loop.js'
import type { Parameters } from './build.js'
import { keysOf, PLACEMENTS } from './placements.js'

/** A power of two, and more than the 5,000 answers that hashring remembers. */
const KEYS = 1 << 16

export function prepare({ placement, endpoints }: Parameters) {
  const place = PLACEMENTS[placement](origins(endpoints))
  const keys = keysOf(KEYS)
  return timedLoop((count) => {
    const at = place(keys[count & (KEYS - 1)])
    return typeof at === 'number' ? at : at.length
  })
}
