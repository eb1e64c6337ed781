// One mutant: put in place, shown to its tests, taken out again.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bin, ROOT, run } from '../shell.mjs'
import { apply } from './mutants.mjs'
import { runTests } from './run-tests.mjs'

/**
 * @typedef {'noticed' | 'too long' | 'by types' | 'survived' | 'not reached'} Fate
 * @typedef {{ fate: Fate, seconds: number, by: string, files: number, leftOut: number }} Trial
 */

/** A busy machine takes several times as long as a quiet one; a mutant that hangs takes for ever. */
const SLOWER = 2
const START_MS = 20_000

/**
 * @param {import('./tree.mjs').Tree} tree
 * @param {import('./mutants.mjs').Mutant | undefined} mutant undefined: nothing is changed, and nothing must be noticed
 * @param {{ file: string, tests: ReturnType<typeof import('./choose-tests.mjs').chooseTests>, engine: string }} options
 * @returns {Promise<Trial>}
 */
export async function tryMutant(tree, mutant, { file, tests, engine }) {
  const { files, leftOut } = tests
  const counts = { files: files.length, leftOut }
  if (mutant) tree.write(file, apply(readFileSync(join(ROOT, file), 'utf8'), mutant))
  try {
    if (files.length > 0) {
      const limitMs = START_MS + SLOWER * 1000 * tests.seconds
      const { result, seconds, by } = await runTests(tree, files, { engine, limitMs, bail: 1 })
      if (result === 'failed') return { fate: 'noticed', seconds, by, ...counts }
      if (result === 'too long') return { fate: 'too long', seconds, by, ...counts }
    }
    // What tests do not notice is left to the compiler: `npm test` asks it, too.
    if (mutant && !(await typesFit(tree))) return { fate: 'by types', seconds: 0, by: 'the types', ...counts }
    return { fate: files.length > 0 ? 'survived' : 'not reached', seconds: tests.seconds, by: '', ...counts }
  } finally {
    if (mutant) tree.restore(file)
  }
}

/** @param {import('./tree.mjs').Tree} tree */
async function typesFit(tree) {
  const args = [bin('typescript', 'tsc'), '-p', 'tsconfig.check.json']
  return (await run(process.execPath, args, { cwd: tree.root, quiet: true })).code === 0
}
