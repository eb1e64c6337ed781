/** Who fills Maglev's tables: the addon, or the fallback. Both make the same table, bit for bit. */
import { fallbackMaglev } from './fallback/maglev.js'
import { selection } from './index.js'
import type { MaglevAdvance, MaglevSpec } from './maglev-spec.js'

export type { MaglevAdvance, MaglevSpec }

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
