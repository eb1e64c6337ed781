/** Who fills Maglev's tables: the addon, or the fallback. Both make the same table, bit for bit. */
import { fallbackMaglev } from './fallback/maglev.js'
import { selection } from './index.js'
import type { MaglevAdvance, MaglevSpec } from './maglev-spec.js'

export type { MaglevAdvance, MaglevSpec }

export function maglevBuilder(spec: MaglevSpec): MaglevAdvance {
  if (selection.addon === undefined) return fallbackMaglev(spec)
  const { size, offsets, skips, shares, names, table } = spec
  return selection.addon.createMaglev(size, offsets, skips, shares, names, table)
}
