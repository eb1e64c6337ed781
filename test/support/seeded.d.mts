/** Random whole numbers below `n` for tests, the same in each run. */
export function seeded(seed: number): (n: number) => number
