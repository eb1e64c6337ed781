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
