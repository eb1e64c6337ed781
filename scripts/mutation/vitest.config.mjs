// How the tests run against a mutant: one process at a time, in the order given, up to the first failure.
import { defineConfig } from 'vitest/config'
import { BaseSequencer } from 'vitest/node'

const files = (process.env.FAIRLEAD_MUTATION_TESTS ?? '').split(',')

class InOrder extends BaseSequencer {
  /** @param {import('vitest/node').TestSpecification[]} found */
  async sort(found) {
    const place = (/** @type {string} */ path) => files.findIndex((file) => path.endsWith(`/${file}`))
    return [...found].sort((one, other) => place(one.moduleId) - place(other.moduleId))
  }
}

// A test that waits for what a mutant took away waits in vain; nearly all others need a tenth of this.
const CASE_TIMEOUT_MS = 20_000

export default defineConfig({
  cacheDir: '.cache/vite',
  test: {
    include: files,
    exclude: [],
    pool: 'forks',
    maxWorkers: 1,
    maxConcurrency: 10,
    bail: Number(process.env.FAIRLEAD_MUTATION_BAIL ?? 0),
    testTimeout: CASE_TIMEOUT_MS,
    hookTimeout: CASE_TIMEOUT_MS,
    teardownTimeout: 2_000,
    sequence: { sequencer: InOrder },
  },
})
