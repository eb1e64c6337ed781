import { number } from '../options/kinds.js'
import { mix } from '../runtime/bits.js'
import { HASH_BALANCE_FACTOR } from './bounded-load.js'
import { GOLDEN, textOf } from './hash.js'
import type { Identities } from './identities.js'
import type { KeyTable } from './key-table.js'
import { stateful } from './policy.js'
import { sortHashes } from './sort-hashes.js'
import { openTablePolicy } from './table-policy.js'

/** Most points of a ring: 4 + 4 + 4 bytes each. Above 6,553 endpoints of weight 1 there are fewer than 160 for each. */
export const MAX_POINTS = 1 << 20
/** Points made, or put in their place, between two yields: about a quarter of a millisecond. */
const STEP = 8_192

/**
 * Consistent hashing on a ring (Karger 1997; ketama): each endpoint owns `pointsPerWeight` points for each unit of
 * weight, and a key belongs to the first point at or after its hash. An endpoint that leaves hands each of its arcs to
 * that arc's next owner; no other key moves.
 */
export const ringHash = stateful({
  name: 'ring-hash',
  options: {
    pointsPerWeight: number({
      integer: true,
      min: 1,
      max: 65_535,
      default: 160,
      source: 'ketama, nginx',
      about: 'Points on the ring for each unit of weight.',
    }),
    hashBalanceFactor: HASH_BALANCE_FACTOR,
  },
  otherNames: ['ketama', 'consistent-hash'],
  latency: 'plain',
  keyOf: ({ key }) => textOf('key', key),
  open: (context, options) =>
    openTablePolicy(context, options, (identities) => buildRing(identities, options.pointsPerWeight)),
})

/** The points in order, and the slot that owns each. */
export class Ring implements KeyTable {
  readonly points: Uint32Array
  readonly owners: Uint32Array
  readonly #starts: Uint32Array
  readonly #shift: number

  /** `starts`: for each value of the points' bits above `shift`, the first point that has it or more. */
  constructor(points: Uint32Array, owners: Uint32Array, starts: Uint32Array, shift: number) {
    this.points = points
    this.owners = owners
    this.#starts = starts
    this.#shift = shift
  }

  seek(hash: number): number {
    const { points } = this
    let at = this.#starts[hash >>> this.#shift]
    while (at < points.length && points[at] < hash) at++
    return at === points.length ? 0 : at
  }

  slotAt(position: number): number {
    return this.owners[position]
  }

  /** Clockwise, to the next other endpoint. */
  next(position: number): number {
    const { owners } = this
    const owner = owners[position]
    let at = position
    do {
      if (++at === owners.length) at = 0
    } while (owners[at] === owner && at !== position)
    return at
  }
}

/** How many points each endpoint gets: in proportion to its weight, at least `pointsPerWeight` on average, at least 1. */
export function pointCounts(weights: Float64Array, pointsPerWeight: number): Uint32Array {
  const n = weights.length
  let sum = 0
  for (const weight of weights) sum += weight
  const total = Math.min(Math.max(pointsPerWeight * sum, pointsPerWeight * n), Math.max(MAX_POINTS, n))
  const counts = new Uint32Array(n)
  for (let i = 0; i < n; i++) counts[i] = Math.max(1, Math.round((weights[i] / sum) * total))
  return counts
}

export function* buildRing(
  { slots, weights, a, b }: Identities,
  pointsPerWeight: number,
): Generator<void, Ring> {
  const counts = pointCounts(weights, pointsPerWeight)
  let total = 0
  for (const count of counts) total += count
  yield
  const made = new Uint32Array(total)
  const madeOwners = new Uint32Array(total)
  let filled = 0
  for (let i = 0; i < slots.length; i++) {
    // The second hash is a stride, so that ids that share the first one share no points.
    const stride = (b[i] ^ GOLDEN) | 1
    for (let j = 0; j < counts[i]; j++) {
      made[filled] = mix(a[i] + Math.imul(j, stride))
      madeOwners[filled] = slots[i]
      if (++filled % STEP === 0) yield
    }
  }
  // Equal points stay in the order of their owners, which does not depend on the configuration's order.
  const { order, starts, shift } = yield* sortHashes(made)
  const points = new Uint32Array(total)
  const owners = new Uint32Array(total)
  for (let at = 0; at < total; at++) {
    points[at] = made[order[at]]
    owners[at] = madeOwners[order[at]]
    if (at % STEP === STEP - 1) yield
  }
  return new Ring(points, owners, starts, shift)
}
