import { TWO_TO_32, toBelow } from '../runtime/bits.js'

/** Drawing positions in proportion to weights: the table, and the sequence that spreads one thread's draws evenly. */

/** 2^32 over the golden ratio: steps of it fall into the largest gap that earlier ones have left (Knuth, 6.4). */
export const GOLDEN_STEP = 0x9e3779b9

/** Vose's alias table: a uniform position, and where the fraction is not below its threshold, that position's alias. */
export interface DrawTable {
  /** Of 2^32. */
  readonly thresholds: Uint32Array
  readonly aliases: Uint32Array
}

/**
 * The table that draws position `i` with probability `weights[i]` over their sum (Vose 1991); undefined where all
 * weights are equal.
 * @param weights more than 0
 */
export function drawTable(weights: ArrayLike<number>): DrawTable | undefined {
  const n = weights.length
  let sum = 0
  let equal = true
  for (let i = 0; i < n; i++) {
    sum += weights[i]
    if (weights[i] !== weights[0]) equal = false
  }
  if (equal) return undefined
  const thresholds = new Uint32Array(n)
  const aliases = new Uint32Array(n)
  const scaled = new Float64Array(n)
  const small: number[] = []
  const large: number[] = []
  for (let i = 0; i < n; i++) {
    scaled[i] = (weights[i] * n) / sum
    ;(scaled[i] < 1 ? small : large).push(i)
  }
  while (small.length > 0 && large.length > 0) {
    const less = small.pop() as number
    const more = large[large.length - 1]
    thresholds[less] = Math.min(TWO_TO_32 - 1, Math.floor(scaled[less] * TWO_TO_32))
    aliases[less] = more
    scaled[more] -= 1 - scaled[less]
    if (scaled[more] < 1) small.push(large.pop() as number)
  }
  for (const rest of [...small, ...large]) {
    thresholds[rest] = TWO_TO_32 - 1
    aliases[rest] = rest
  }
  return { thresholds, aliases }
}

/** The position that 32 bits draw. */
export function drawn({ thresholds, aliases }: DrawTable, bits: number): number {
  const product = bits * thresholds.length
  const position = Math.floor(product / TWO_TO_32)
  return product - position * TWO_TO_32 < thresholds[position] ? position : aliases[position]
}

/** The next bits of a sequence that spreads evenly. */
export const nextTurn = (turn: number): number => (turn + GOLDEN_STEP) >>> 0

/** Draws for a second position other than the first; then any other one is taken. */
const SECOND_DRAWS = 4

/** A position other than `first`, in proportion to the weights as far as a few draws go. */
export function drawOther(table: DrawTable, first: number, random: () => number): number {
  const n = table.thresholds.length
  if (n === 2) return 1 - first
  for (let i = 0; i < SECOND_DRAWS; i++) {
    const second = drawn(table, random())
    if (second !== first) return second
  }
  const other = toBelow(random(), n - 1)
  return other >= first ? other + 1 : other
}
