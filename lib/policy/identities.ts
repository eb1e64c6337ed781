import { mix } from '../runtime/bits.js'
import { hashText } from './hash.js'
import type { Candidate } from './policy.js'
import { sortHashes } from './sort-hashes.js'

const SEED_A = 0x66616972
const SEED_B = 0x6c656164
/** Endpoints between two yields. */
const STEP = 2_048

/** Endpoints as hash tables know them. Parallel arrays, in the order that every process agrees on. */
export interface Identities {
  readonly slots: Uint32Array
  readonly weights: Float64Array
  /** Two independent hashes of each id. */
  readonly a: Uint32Array
  readonly b: Uint32Array
}

/**
 * Hashes ids and puts the endpoints into the order of their hashes: a table depends on the ids and weights alone, not on
 * the order of a configuration.
 */
export function* identify(members: readonly Candidate[], weights: Float64Array): Generator<void, Identities> {
  const n = members.length
  const hashes = new Uint32Array(n)
  for (let i = 0; i < n; i++) {
    hashes[i] = hashText(members[i].endpoint.id, SEED_A)
    if (i % STEP === STEP - 1) yield
  }
  const { order } = yield* sortHashes(hashes)
  untieById(order, hashes, members)
  yield
  const identities = {
    slots: new Uint32Array(n),
    weights: new Float64Array(n),
    a: new Uint32Array(n),
    b: new Uint32Array(n),
  }
  for (let at = 0; at < n; at++) {
    const i = order[at]
    const { slot, endpoint } = members[i]
    identities.slots[at] = slot
    identities.weights[at] = weights[i]
    identities.a[at] = hashes[i]
    identities.b[at] = mix(hashText(endpoint.id, SEED_B))
    if (at % STEP === STEP - 1) yield
  }
  return identities
}

/** Among 100,000 endpoints one pair or so has the same hash: then the ids decide, not the positions. */
function untieById(order: Uint32Array, hashes: Uint32Array, members: readonly Candidate[]): void {
  for (let i = 1; i < order.length; i++) {
    for (let j = i; j > 0 && hashes[order[j]] === hashes[order[j - 1]]; j--) {
      if (members[order[j - 1]].endpoint.id <= members[order[j]].endpoint.id) break
      const swap = order[j]
      order[j] = order[j - 1]
      order[j - 1] = swap
    }
  }
}
