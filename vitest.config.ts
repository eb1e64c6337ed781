import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config'
import { ENGINES, longPatterns, PACKAGE, SOAK } from './scripts/suites.mjs'

const ALL = ['test/**/*.test.ts']

/** A suite is a project: `--project quick --project engines`. Each test file is in exactly one. */
const project = (
  name: string,
  include: string[],
  exclude: string[] = [],
): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name, include, exclude },
})

// What each `--mode` knows; a plain run takes everything that needs neither a tarball nor half an hour.
const PROJECTS: Record<string, TestProjectInlineConfiguration[]> = {
  test: [
    project('engines', ENGINES, longPatterns),
    project('quick', ALL, [...ENGINES, ...longPatterns, ...PACKAGE]),
    project('long', longPatterns),
  ],
  package: [project('package', PACKAGE)],
  soak: [project('soak', SOAK)],
}

// Bounds, not measures: a busy machine takes several times as long as a quiet one.
const CASE_TIMEOUT_MS = { test: 90_000, package: 120_000, soak: 3_600_000 } as Record<string, number>

export default defineConfig(({ mode }) => ({
  test: {
    projects: PROJECTS[mode] ?? PROJECTS.test,
    // Only where asked for: `npm run coverage`. With what no test loads.
    coverage: { include: ['lib/**/*.ts'], reporter: ['text', 'html', 'json-summary'] },
    // A process per file: engine selection, worker threads and the global dispatcher are process-wide.
    pool: 'forks',
    maxWorkers: 2,
    // Long runs that wait most of the time.
    maxConcurrency: 10,
    testTimeout: CASE_TIMEOUT_MS[mode] ?? CASE_TIMEOUT_MS.test,
    hookTimeout: CASE_TIMEOUT_MS[mode] ?? CASE_TIMEOUT_MS.test,
  },
}))
