import type { MaglevAdvance, MaglevSpec } from '../maglev-spec.js'

/** Maglev's table, filled step by step, by the same operations in the same order as `src/maglev.cpp`. */
export function fallbackMaglev({ size, offsets, skips, shares, names, table }: MaglevSpec): MaglevAdvance {
  const count = offsets.length
  const taken = new Uint8Array(size)
  const cursors = offsets.slice()
  // Each endpoint takes a slot in the first round, however light it is.
  const credits = shares.map((share) => 1 - share)
  let filled = 0
  let turn = 0
  return (turns) => {
    for (let left = turns; left > 0 && filled < size; left--) {
      const i = turn
      if (++turn === count) turn = 0
      credits[i] += shares[i]
      if (credits[i] < 1) continue
      credits[i] -= 1
      const wrap = size - skips[i]
      let slot = cursors[i]
      while (taken[slot] !== 0) slot = slot >= wrap ? slot - wrap : slot + skips[i]
      taken[slot] = 1
      table[slot] = names[i]
      cursors[i] = slot >= wrap ? slot - wrap : slot + skips[i]
      filled++
    }
    return filled === size
  }
}
