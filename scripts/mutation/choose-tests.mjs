// The tests that get to see a mutant, the ones that are quick or about its file first.
import { blockAt } from './blocks.mjs'

/** Of tests, as measured alone; what does not fit is left out, so a mutant may survive that a full run would notice. */
const MOST_SECONDS = 150

/**
 * @param {import('./mutants.mjs').Mutant} mutant
 * @param {Awaited<ReturnType<typeof import('./reach.mjs').measureReach>>} reach
 * @returns {{ files: string[], seconds: number, leftOut: number }}
 */
export function chooseTests(mutant, { tests, blocks }) {
  const block = blockAt(blocks.get(mutant.file) ?? [], mutant)
  const words = wordsOf(mutant.file)
  const seeing = [...tests]
    .filter(([, test]) => test.result === 'passed' && test.reached[mutant.file]?.includes(block))
    .map(([file, { seconds, reached }]) => {
      const shared = wordsOf(file).filter((word) => words.includes(word)).length
      // A test that uses much of the file knows it better than one that passes by.
      const used = (reached[mutant.file]?.length ?? 0) / (blocks.get(mutant.file)?.length ?? 1)
      return { file, seconds, rank: seconds / (0.2 + used + shared) }
    })
    .sort((one, other) => one.rank - other.rank)
  /** @type {string[]} */
  const files = []
  let sum = 0
  for (const { file, seconds } of seeing) {
    if (sum + seconds > MOST_SECONDS) continue
    files.push(file)
    sum += seconds
  }
  return { files, seconds: sum, leftOut: seeing.length - files.length }
}

const wordsOf = (/** @type {string} */ path) =>
  path
    .replace(/(\.test)?\.ts$/, '')
    .split(/[/-]/)
    .filter((word) => !['lib', 'test', 'unit', 'e2e', 'index'].includes(word))
    .map((word) => word.replace(/s$/, ''))
