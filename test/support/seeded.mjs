/** Random whole numbers below `n` for tests, the same in each run (a linear congruential generator, Numerical Recipes' constants). */
export function seeded(/** @type {number} */ seed) {
  let state = seed >>> 0
  return (/** @type {number} */ n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}
