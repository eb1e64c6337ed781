/** Who fills Maglev's tables: the addon, or the fallback. Both make the same table, bit for bit. */
import { fallbackMaglev } from './fallback/maglev.js'
import { selection } from './index.js'

/** Parallel arrays, one element an endpoint, in the order in which they take their turns; at least one. */
export interface MaglevSpec {
  /** Slots of the table; a prime. */
  readonly size: number
  /** Where an endpoint's permutation of the slots begins, below `size`. */
  readonly offsets: Uint32Array
  /** Its step, 1 to `size` - 1. */
  readonly skips: Uint32Array
  /** Weight over the largest weight: more than 0, at most 1, and 1 for at least one. */
  readonly shares: Float64Array
  /** What the table says for an endpoint's slots. */
  readonly names: Uint32Array
  /** To be filled; `size` elements. */
  readonly table: Uint32Array
}

/** Gives up to `turns` turns to the endpoints, each of which takes a slot or saves up for one. True when the table is full. */
export type MaglevAdvance = (turns: number) => boolean

/** What the addon exports for this file (`binding/maglev_binding.cpp`). Throws a RangeError or TypeError on what is not a `MaglevSpec`. */
export interface NativeMaglev {
  createMaglev(
    size: number,
    offsets: Uint32Array,
    skips: Uint32Array,
    shares: Float64Array,
    names: Uint32Array,
    table: Uint32Array,
  ): MaglevAdvance
}

export function maglevBuilder(spec: MaglevSpec): MaglevAdvance {
  if (selection.addon === undefined) return fallbackMaglev(spec)
  const { size, offsets, skips, shares, names, table } = spec
  return (selection.addon as NativeMaglev).createMaglev(size, offsets, skips, shares, names, table)
}
