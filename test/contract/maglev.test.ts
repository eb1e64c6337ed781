/** Both engines fill the same table, bit for bit, in slices of any size. */
import { describe, expect, it } from 'vitest'
import { fallbackMaglev } from '../../lib/engine/fallback/maglev.js'
import type { MaglevAdvance, MaglevSpec } from '../../lib/engine/maglev.js'
import type { NativeMaglev } from '../../lib/engine/native/addon.js'
import { seeded } from '../support/seeded.mjs'
import { addon } from './engines.js'

const SIZES = [2, 3, 251, 65_537]

function randomSpec(seed: number): MaglevSpec {
  // Seeds in a row begin with nearly the same number.
  const below = seeded(Math.imul(seed + 1, 0x9e3779b1))
  const size = SIZES[seed % SIZES.length]
  const n = 1 + below(seed % 3 === 0 ? 400 : 6)
  const equal = below(2) === 0
  const weights = Float64Array.from({ length: n }, () => (equal ? 1 : 0.001 + below(1_000_000) / 1_000))
  const largest = Math.max(...weights)
  return {
    size,
    offsets: Uint32Array.from({ length: n }, () => below(size)),
    skips: Uint32Array.from({ length: n }, () => 1 + below(size - 1)),
    shares: weights.map((weight) => weight / largest),
    names: Uint32Array.from({ length: n }, (_, i) => 3 * i),
    table: new Uint32Array(size),
  }
}

const fill = (advance: MaglevAdvance, turns: () => number): void => {
  for (let i = 0; i < 1_000_000; i++) if (advance(turns())) return
  throw new Error('the table is never full')
}

const nativeMaglev = ({ size, offsets, skips, shares, names, table }: MaglevSpec): MaglevAdvance =>
  (addon as unknown as NativeMaglev).createMaglev(size, offsets, skips, shares, names, table)

describe('maglev builder', () => {
  it('makes the same table in slices as at once', () => {
    for (let seed = 0; seed < 20; seed++) {
      const [whole, sliced] = [randomSpec(seed), randomSpec(seed)]
      fill(fallbackMaglev(whole), () => 1 << 30)
      const below = seeded(seed)
      fill(fallbackMaglev(sliced), () => 1 + below(5_000))
      expect(sliced.table).toEqual(whole.table)
    }
  })

  describe.skipIf(addon === undefined)('of the addon', () => {
    it('makes the fallback’s table, bit for bit', () => {
      for (let seed = 0; seed < 40; seed++) {
        const [ours, theirs] = [randomSpec(seed), randomSpec(seed)]
        fill(fallbackMaglev(ours), () => 1 << 30)
        const below = seeded(seed)
        fill(nativeMaglev(theirs), () => 1 + below(5_000))
        expect(theirs.table).toEqual(ours.table)
      }
    })

    it.each([
      ['no endpoint', { offsets: new Uint32Array(0) }, /for 1 to 2\^21 endpoints/],
      ['a size of 1', { size: 1 }, /2 slots or more/],
      ['a size of NaN', { size: Number.NaN }, /size is not a whole number/],
      ['an offset beyond the table', { offsets: Uint32Array.of(0, 7) }, /an offset is not below/],
      ['a skip of 0, which would turn for ever', { skips: Uint32Array.of(0, 1) }, /a skip is not coprime/],
      ['a skip that misses slots', { size: 6, skips: Uint32Array.of(2, 1) }, /a skip is not coprime/],
      ['fewer skips than offsets', { skips: Uint32Array.of(1) }, /skips has 1 elements/],
      ['a share of 0', { shares: Float64Array.of(0, 1) }, /a share is not more than 0/],
      ['a share of NaN', { shares: Float64Array.of(Number.NaN, 1) }, /a share is not more than 0/],
      ['no share of 1', { shares: Float64Array.of(0.5, 0.5) }, /no share is 1/],
      ['too small a table', { table: new Uint32Array(6) }, /table has 6 elements/],
      ['a table of another type', { table: new Int32Array(7) }, /table is not a typed array/],
    ])('refuses %s', (_, wrong, message) => {
      const right: MaglevSpec = {
        size: 7,
        offsets: Uint32Array.of(0, 3),
        skips: Uint32Array.of(1, 2),
        shares: Float64Array.of(1, 1),
        names: Uint32Array.of(0, 1),
        table: new Uint32Array(7),
      }
      expect(() => nativeMaglev({ ...right, ...(wrong as Partial<MaglevSpec>) })).toThrow(message)
    })
  })
})
