// A seeded choice of mutants, spread evenly over the areas.
import { createHash } from 'node:crypto'

/** @typedef {import('./mutants.mjs').Mutant} Mutant */

/**
 * One seed gives one order, also of what is left when other files change.
 * @param {Map<string, Mutant[]>} byArea
 * @param {number} size
 * @param {number} seed
 * @returns {{ area: string, mutant: Mutant }[]} areas in turn, so that a run that is cut short saw all of them
 */
export function sample(byArea, size, seed) {
  const piles = [...byArea].map(([area, mutants]) => ({ area, mutants: shuffled(mutants, seed) }))
  /** @type {{ area: string, mutant: Mutant }[]} */
  const chosen = []
  const most = Math.max(0, ...piles.map(({ mutants }) => mutants.length))
  for (let round = 0; round < most && chosen.length < size; round++) {
    for (const { area, mutants } of piles) {
      const mutant = mutants[round]
      if (mutant !== undefined && chosen.length < size) chosen.push({ area, mutant })
    }
  }
  return chosen
}

/**
 * @param {Mutant[]} mutants
 * @param {number} seed
 */
const shuffled = (mutants, seed) =>
  mutants
    .map((mutant) => ({ mutant, rank: rank(mutant, seed) }))
    .sort((one, other) => (one.rank < other.rank ? -1 : 1))
    .map(({ mutant }) => mutant)

/**
 * @param {Mutant} mutant
 * @param {number} seed
 */
const rank = ({ file, start, source, text }, seed) =>
  createHash('sha256').update([seed, file, start, source, text].join('\0')).digest('hex')
