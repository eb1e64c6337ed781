import { mix, TWO_TO_32 } from '../runtime/bits.js'
import { HASH_BALANCE_FACTOR, loadBound } from './bounded-load.js'
import { reserveFrom } from './choose.js'
import { hashText, textOf } from './hash.js'
import { withoutKey } from './key-table.js'
import { stateless } from './policy.js'
import { areEqual, weightsOf } from './weights.js'

/** Endpoints asked in the order of a key's scores before the others are asked in the view's order. */
const ATTEMPTS = 8

/**
 * Rendezvous hashing (Thaler and Ravishankar 1998): each endpoint scores the key, the best score holds it. Weighted by
 * -ln(hash)/weight (Schindelhauer and Schomaker 2005). No table, and the least possible disruption; a pick looks at all.
 */
export const rendezvous = stateless({
  name: 'rendezvous',
  options: { hashBalanceFactor: HASH_BALANCE_FACTOR },
  otherNames: ['highest-random-weight'],
  latency: 'plain',
  keyOf: ({ key }) => textOf('key', key),
  picker: (view, { hashBalanceFactor }) => {
    const { slots, state, usable } = view
    const n = slots.length
    const seeds = Uint32Array.from(usable, ({ endpoint }) => hashText(endpoint.id))
    const weights = weightsOf(view, usable)
    const equal = areEqual(weights)
    const bound = loadBound(view, hashBalanceFactor)
    const keyless = withoutKey(view)

    /** Lower is better. The position breaks a tie of two hashes, once in 2^32 keys. */
    const score = (hash: number, i: number): number => {
      const own = mix(hash ^ seeds[i])
      return equal ? own : -Math.log((own + 0.5) / TWO_TO_32) / weights[i]
    }
    /** The best position worse than `floor`, where the best of all is taken by -Infinity. */
    const bestAbove = (hash: number, floor: number): number => {
      let best = -1
      let lowest = Number.POSITIVE_INFINITY
      for (let i = 0; i < n; i++) {
        const value = score(hash, i)
        if (value < lowest && value > floor) {
          lowest = value
          best = i
        }
      }
      return best
    }
    return ({ key }) => {
      if (n === 0) return -1
      const text = textOf('key', key)
      if (text === undefined) return keyless()
      const hash = hashText(text)
      bound?.begin()
      let floor = Number.NEGATIVE_INFINITY
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const position = bestAbove(hash, floor)
        if (position < 0) break
        const slot = slots[position]
        if ((bound === undefined || bound.admits(slot)) && state.core.reserve(slot)) return slot
        floor = score(hash, position)
      }
      const start = hash % n
      for (let i = 0; i < n && bound !== undefined; i++) {
        const slot = slots[(start + i) % n]
        if (bound.admits(slot) && state.core.reserve(slot)) return slot
      }
      return reserveFrom(view, slots, start)
    }
  },
})
