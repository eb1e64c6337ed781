/** The hash itself, and each table against what its paper says of it. */
import { describe, expect, it } from 'vitest'
import { ArgumentError } from '../../lib/errors.js'
import { hashText, textOf } from '../../lib/policy/hash.js'
import { type Identities, identify } from '../../lib/policy/identities.js'
import type { KeyTable } from '../../lib/policy/key-table.js'
import { buildMaglev } from '../../lib/policy/maglev.js'
import { buildRing, MAX_POINTS, pointCounts } from '../../lib/policy/ring-hash.js'
import { sortHashes } from '../../lib/policy/sort-hashes.js'
import { seeded } from '../support/seeded.mjs'
import { endpoint } from '../support/state.js'

const M = 65_537
const TWO_TO_32 = 2 ** 32

const finish = <T>(steps: Generator<void, T>): T => {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

/** Slot i is the i-th id. */
const identities = (ids: readonly string[], weights = ids.map(() => 1)): Identities =>
  finish(
    identify(
      ids.map((id, slot) => ({ slot, endpoint: endpoint(id) })),
      Float64Array.from(weights),
    ),
  )
const names = (n: number, seed = 0) =>
  Array.from({ length: n }, (_, i) => `http://10.${seed}.${i >> 8}.${i & 255}:80`)
const owners = (table: KeyTable, size: number) => Array.from({ length: size }, (_, i) => table.slotAt(i))
const maglevOwners = (ids: readonly string[], weights?: number[], size = 0) => {
  const table = finish(buildMaglev(identities(ids, weights), size))
  return owners(table, table.table.length)
}
const countsOf = (owned: readonly number[], n: number) => {
  const counts = new Array<number>(n).fill(0)
  for (const owner of owned) counts[owner]++
  return counts
}

describe('hashText', () => {
  // Published values of MurmurHash3_x86_32 for the bytes that these code units are in UTF-16.
  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['\u6161\u6161', 0x9747b28c, 0x5a97808a],
    ['\u6161', 0x9747b28c, 0x5d211726],
    ['\u6261\u6463', 0x9747b28c, 0xf0478627],
    ['\u6261', 0x9747b28c, 0x74875592],
  ])('%j with seed %d', (text, seed, hash) => {
    expect(hashText(text, seed)).toBe(hash)
  })

  it('takes an empty key for none, and refuses what is no text', () => {
    expect([undefined, '', 'a', '0'].map((key) => textOf('key', key))).toEqual([
      undefined,
      undefined,
      'a',
      '0',
    ])
    for (const key of [null, 42, {}, Object.create(null), Symbol('s')])
      expect(() => textOf('key', key)).toThrow(ArgumentError)
  })

  it('spreads keys that differ in one digit: chi-square over 64 cells', () => {
    const cells = new Array<number>(64).fill(0)
    for (let i = 0; i < 64_000; i++) cells[hashText(`user-${i}`) >>> 26]++
    // 63 degrees of freedom: 103.4 is exceeded once in a thousand.
    expect(cells.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(103.4)
  })
})

describe('sorting hashes', () => {
  const below = seeded(5)
  it.each([1, 2, 3, 100, 5_000, 20_000])('puts %d into order, equal ones as they came', (n) => {
    // Few values for some, so that many are equal.
    const range = n === 5_000 ? 50 : TWO_TO_32
    const hashes = Uint32Array.from({ length: n }, () => below(range) * (TWO_TO_32 / range))
    const { order, starts, shift } = finish(sortHashes(hashes))
    const expected = Array.from(hashes.keys()).sort((a, b) => hashes[a] - hashes[b] || a - b)
    expect([...order]).toEqual(expected)
    for (const high of [0, 1, (starts.length - 2) >> 1, starts.length - 2]) {
      const first = expected.findIndex((i) => hashes[i] >>> shift >= high)
      expect(starts[high]).toBe(first < 0 ? n : first)
    }
  })
})

describe('tables of many endpoints', () => {
  it('are made in many slices', () => {
    const slicesOf = (steps: Generator<void, unknown>) => {
      let slices = 1
      while (!steps.next().done) slices++
      return slices
    }
    const many = identities(names(20_000))
    const members = names(20_000).map((id, slot) => ({ slot, endpoint: endpoint(id) }))
    expect(slicesOf(identify(members, new Float64Array(20_000).fill(1)))).toBeGreaterThan(18)
    expect(slicesOf(buildMaglev(many, 0))).toBeGreaterThan(655_373 / 8_192)
    // Made, counted, put into order, put in their place.
    expect(slicesOf(buildRing(many, 160))).toBeGreaterThan((4 * 1_000_000) / 8_192)
  })
})

describe('maglev table', () => {
  it.each([2, 3, 7, 100, 1_000])('gives each of %d endpoints floor(M/N) or ceil(M/N) slots', (n) => {
    const counts = countsOf(maglevOwners(names(n)), n)
    expect(Math.min(...counts)).toBe(Math.floor(M / n))
    expect(Math.max(...counts)).toBe(Math.ceil(M / n))
  })

  it('moves few more keys than it must: N = 1,000, M = 65,537', () => {
    const ids = names(1_000)
    const before = maglevOwners(ids)
    // Share of keys that move when k endpoints leave, per cent: the paper's figure 12, and its simulation.
    for (const [k, moved] of [
      [1, 0.66],
      [5, 2.3],
      [10, 3.3],
      [20, 4.7],
      [50, 8.2],
    ]) {
      const after = maglevOwners(ids.slice(k)).map((owner) => owner + k)
      const share = (100 * before.filter((owner, slot) => owner !== after[slot]).length) / M
      expect(share, `${k} removed`).toBeGreaterThan(moved * 0.85)
      expect(share, `${k} removed`).toBeLessThan(moved * 1.15)
      expect(share - k / 10, `${k} removed, beyond what must`).toBeLessThanOrEqual(3.5)
    }
  })

  it('as a negative: without permutations nearly every key moves', () => {
    const plain = identities(names(1_000))
    const flat = (n: number): Identities => ({
      slots: plain.slots.slice(0, n),
      weights: plain.weights.slice(0, n),
      a: new Uint32Array(n),
      b: new Uint32Array(n),
    })
    const [before, after] = [1_000, 999].map((n) => owners(finish(buildMaglev(flat(n), M)), M))
    expect(before.filter((owner, slot) => owner !== after[slot]).length / M).toBeGreaterThan(0.9)
  })

  it('depends on the ids alone, not on their order', () => {
    const ids = names(50)
    const forward = maglevOwners(ids).map((owner) => ids[owner])
    const reversed = [...ids].reverse()
    expect(maglevOwners(reversed).map((owner) => reversed[owner])).toEqual(forward)
  })

  it.each([[[1, 2, 3, 4]], [[0.001, 0.002, 0.003]], [[65_535, 1, 1]], [[1.5, 0.25, 10.75, 3, 3]]])(
    'shares by weight to a slot or two: %j',
    (weights) => {
      const counts = countsOf(maglevOwners(names(weights.length), weights), weights.length)
      const sum = weights.reduce((total, weight) => total + weight)
      for (const [i, count] of counts.entries()) {
        expect(count).toBeGreaterThan(0)
        expect(Math.abs(count - (M * weights[i]) / sum)).toBeLessThanOrEqual(2)
      }
    },
  )

  it('grows where there would be fewer than five slots an endpoint', () => {
    expect(finish(buildMaglev(identities(names(13_107)), 0)).table.length).toBe(M)
    expect(finish(buildMaglev(identities(names(13_108)), 0)).table.length).toBe(655_373)
    expect(finish(buildMaglev(identities(names(5)), 251)).table.length).toBe(251)
  })
})

describe('ring', () => {
  /** Standard deviation of the endpoints' shares of the ring over their mean. */
  const deviation = (n: number, points: number, seed: number): number => {
    const ring = finish(buildRing(identities(names(n, seed)), points))
    const arcs = new Array<number>(n).fill(0)
    ring.points.forEach((point, i) => {
      const before = i === 0 ? ring.points[ring.points.length - 1] - TWO_TO_32 : ring.points[i - 1]
      arcs[ring.owners[i]] += point - before
    })
    const mean = TWO_TO_32 / n
    return Math.sqrt(arcs.reduce((sum, arc) => sum + (arc - mean) ** 2, 0) / n) / mean
  }

  it.each([
    [10, 100],
    [50, 100],
    [10, 1_000],
  ])(
    'of %d endpoints with %d points each is as uneven as theory says: sqrt((N-1)/(N V + 1))',
    (n, points) => {
      let squares = 0
      const SEEDS = 100
      for (let seed = 0; seed < SEEDS; seed++) squares += deviation(n, points, seed) ** 2
      const theory = Math.sqrt((n - 1) / (n * points + 1))
      const measured = Math.sqrt(squares / SEEDS)
      expect(measured / theory).toBeGreaterThan(0.9)
      expect(measured / theory).toBeLessThan(1.1)
    },
  )

  it('as a negative: points in a row, not hashed, are far from it', () => {
    // One hash an endpoint, the other points beside it: what a ring without mixing would be.
    const points = Array.from({ length: 10 }, (_, i) => hashText(`e${i}`)).sort((a, b) => a - b)
    const arcs = points.map((point, i) => point - (i === 0 ? points[9] - TWO_TO_32 : points[i - 1]))
    const mean = TWO_TO_32 / 10
    const measured = Math.sqrt(arcs.reduce((sum, arc) => sum + (arc - mean) ** 2, 0) / 10) / mean
    expect(measured).toBeGreaterThan(3 * Math.sqrt(9 / 1001))
  })

  it('finds the first point at or after a hash, around the end too', () => {
    const ring = finish(buildRing(identities(names(20)), 160))
    const { points } = ring
    for (let i = 1; i < points.length; i++) expect(points[i]).toBeGreaterThanOrEqual(points[i - 1])
    for (const hash of [0, 1, points[0], points[0] + 1, points[999], points[999] - 1, 0xffffffff]) {
      const first = points.findIndex((point) => point >= hash)
      expect(points[ring.seek(hash)]).toBe(points[first < 0 ? 0 : first])
    }
    const last = points[points.length - 1]
    expect(ring.seek(last + 1)).toBe(0)
  })

  it('moves only the keys of an endpoint that leaves', () => {
    const ids = names(20)
    const before = finish(buildRing(identities(ids), 160))
    const after = finish(buildRing(identities(ids.slice(1)), 160))
    for (let i = 0; i < 20_000; i++) {
      const hash = hashText(`key ${i}`)
      const owner = before.slotAt(before.seek(hash))
      if (owner !== 0) expect(after.slotAt(after.seek(hash)) + 1).toBe(owner)
    }
  })

  it('has 160 points a unit of weight, and stays within its bounds for weights of any size', () => {
    expect([...pointCounts(Float64Array.of(1, 2, 1), 160)]).toEqual([160, 320, 160])
    expect([...pointCounts(Float64Array.of(0.001, 0.003), 160)]).toEqual([80, 240])
    const huge = pointCounts(Float64Array.of(65_535, 65_535, 1), 160)
    expect(huge[2]).toBe(Math.round(MAX_POINTS / 131_071))
    expect(huge.reduce((sum, count) => sum + count)).toBeLessThanOrEqual(MAX_POINTS + 3)
    expect(Math.min(...pointCounts(new Float64Array(100_000).fill(1), 160))).toBe(10)
  })
})
