import { hashText, mix } from './hash.js'
import type { Candidate } from './policy.js'

const SEED_A = 0x66616972
const SEED_B = 0x6c656164
/** Bits of an index in a sort key: 32 + 21 are what a double holds. */
const INDEX_RANGE = 2 ** 21
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
  const keys = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    hashes[i] = hashText(members[i].endpoint.id, SEED_A)
    keys[i] = hashes[i] * INDEX_RANGE + i
    if (i % STEP === STEP - 1) yield
  }
  keys.sort()
  yield
  const order = Array.from(keys, (key) => key % INDEX_RANGE)
  untieById(order, hashes, members)
  return {
    slots: Uint32Array.from(order, (i) => members[i].slot),
    weights: Float64Array.from(order, (i) => weights[i]),
    a: Uint32Array.from(order, (i) => hashes[i]),
    b: Uint32Array.from(order, (i) => mix(hashText(members[i].endpoint.id, SEED_B))),
  }
}

/** Among 100,000 endpoints one pair or so has the same hash: then the ids decide, not the positions. */
function untieById(order: number[], hashes: Uint32Array, members: readonly Candidate[]): void {
  for (let i = 1; i < order.length; i++) {
    for (let j = i; j > 0 && hashes[order[j]] === hashes[order[j - 1]]; j--) {
      if (members[order[j - 1]].endpoint.id <= members[order[j]].endpoint.id) break
      const swap = order[j]
      order[j] = order[j - 1]
      order[j - 1] = swap
    }
  }
}
