import { type MaglevSpec, maglevBuilder } from '../engine/maglev.js'
import { number } from '../options/kinds.js'
import { grouped } from '../options/words.js'
import { toBelow } from '../runtime/bits.js'
import { HASH_BALANCE_FACTOR } from './bounded-load.js'
import { rehash, textOf } from './hash.js'
import type { Identities } from './identities.js'
import type { KeyTable } from './key-table.js'
import { stateful } from './policy.js'
import { openTablePolicy } from './table-policy.js'

/** The paper's small and large table. */
const SMALL_TABLE = 65_537
const LARGE_TABLE = 655_373
const MAX_TABLE = 5_000_011
/** Fewer slots than this an endpoint are too uneven: floor and ceiling of 5 differ by a fifth. */
const LEAST_SLOTS_EACH = 5
/** Turns between two yields: about a quarter of a millisecond. */
const STEP = 8_192

/**
 * Maglev hashing (Eisenbud et al., NSDI 2016): a table of which each endpoint has the same number of slots, give or take
 * one, or in proportion to its weight. More even than a ring and quicker to look up; where endpoints are added or removed
 * a few more keys move than have to.
 */
export const maglev = stateful({
  name: 'maglev',
  options: {
    tableSize: number({
      integer: true,
      min: 3,
      max: MAX_TABLE,
      right: `a prime from 3 to ${grouped(MAX_TABLE)}`,
      range: `a prime from 3 to ${grouped(MAX_TABLE)}`,
      accept: isPrime,
      // By the number of endpoints.
      default: 0,
      defaultText: '65,537, and 655,373 above 13,107 endpoints',
      source: 'Maglev, Envoy',
      about: 'Slots of the table.',
    }),
    hashBalanceFactor: HASH_BALANCE_FACTOR,
  },
  latency: 'plain',
  keyOf: ({ key }) => textOf('key', key),
  open: (context, options) =>
    openTablePolicy(context, options, (identities) => buildMaglev(identities, options.tableSize)),
})

class MaglevTable implements KeyTable {
  readonly table: Uint32Array

  constructor(table: Uint32Array) {
    this.table = table
  }

  seek(hash: number): number {
    return toBelow(hash, this.table.length)
  }

  slotAt(position: number): number {
    return this.table[position]
  }

  /** Anywhere: the keys of an endpoint that is out spread over all others. */
  next(_position: number, hash: number, attempt: number): number {
    return toBelow(rehash(hash, attempt), this.table.length)
  }
}

function isPrime(value: number): boolean {
  // Values out of range are judged by the range, and would be divided for ever.
  if (!(value <= MAX_TABLE)) return false
  if (value % 2 === 0) return value === 2
  for (let divisor = 3; divisor * divisor <= value; divisor += 2) if (value % divisor === 0) return false
  return value > 1
}

const sizeFor = (endpoints: number): number =>
  endpoints * LEAST_SLOTS_EACH <= SMALL_TABLE ? SMALL_TABLE : LARGE_TABLE

/** Offset and skip of each endpoint from its two hashes, as in the paper. */
export function maglevSpec({ slots, weights, a, b }: Identities, size: number): MaglevSpec {
  const n = slots.length
  let largest = 0
  for (const weight of weights) if (weight > largest) largest = weight
  const [offsets, skips, shares] = [new Uint32Array(n), new Uint32Array(n), new Float64Array(n)]
  for (let i = 0; i < n; i++) {
    offsets[i] = a[i] % size
    skips[i] = (b[i] % (size - 1)) + 1
    shares[i] = weights[i] / largest
  }
  return { size, offsets, skips, shares, names: slots, table: new Uint32Array(size) }
}

/** @param tableSize a prime; 0: by the number of endpoints */
export function* buildMaglev(identities: Identities, tableSize: number): Generator<void, MaglevTable> {
  const spec = maglevSpec(identities, tableSize || sizeFor(identities.slots.length))
  yield
  const advance = maglevBuilder(spec)
  while (!advance(STEP)) yield
  return new MaglevTable(spec.table)
}
