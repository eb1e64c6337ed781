import { defineConfig } from 'vitest/config'

// What each `--mode` runs; a plain run takes everything that needs neither a tarball nor minutes.
const SUITES: Record<string, string[]> = {
  test: ['test/**/*.test.ts'],
  package: ['test/e2e/package.test.ts'],
  soak: ['test/soak/**/*.soak.ts'],
}

// Bounds, not measures: a busy machine takes several times as long as a quiet one.
const CASE_TIMEOUT_MS = { test: 90_000, package: 120_000, soak: 3_600_000 } as Record<string, number>

export default defineConfig(({ mode }) => ({
  test: {
    include: SUITES[mode] ?? SUITES.test,
    exclude: mode === 'test' ? ['test/e2e/package.test.ts'] : [],
    // A process per file: engine selection, worker threads and the global dispatcher are process-wide.
    pool: 'forks',
    maxWorkers: 2,
    // Long runs that wait most of the time.
    maxConcurrency: 10,
    testTimeout: CASE_TIMEOUT_MS[mode] ?? CASE_TIMEOUT_MS.test,
    hookTimeout: CASE_TIMEOUT_MS[mode] ?? CASE_TIMEOUT_MS.test,
  },
}))
