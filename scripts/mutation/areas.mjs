// What is mutated: the one table to change when files of lib/ move.
import { filesBelow } from '../stamp.mjs'

/**
 * Folders and files of each area. A file belongs to the area that names it by itself before one that names its folder.
 * @type {Record<string, string[]>}
 */
export const AREAS = {
  clients: ['lib/clients'],
  health: [
    'lib/health',
    'lib/balancer/service-checks.ts',
    'lib/balancer/control-loops.ts',
    'lib/balancer/feedback.ts',
  ],
  retry: [
    'lib/outcome',
    'lib/clients/attempt.ts',
    'lib/clients/balanced-request.ts',
    'lib/clients/discarded-body.ts',
    'lib/clients/replay.ts',
    'lib/clients/failed-tries.ts',
  ],
  admission: ['lib/admission'],
  view: ['lib/view'],
  topology: ['lib/topology'],
  configuration: ['lib/options', 'lib/configuration', 'lib/shared', 'lib/balancer'],
  proxy: ['lib/cli/proxy'],
}

/** Tests that are about something else, or look at much and take long over it: not asked, to save time. */
export const OTHER_TESTS = [
  'test/contract/',
  'test/model/',
  'test/types/',
  'test/e2e/cli-doctor',
  'test/e2e/cli-simulate',
  'test/e2e/demo',
  'test/e2e/package',
  'test/e2e/readme',
  'test/e2e/simulate',
  'test/faults/queue-',
  'test/faults/request-queue',
  'test/faults/ticket-queue',
  'test/linearizability/credits',
  'test/linearizability/queue',
  'test/linearizability/search',
  'test/simulate/',
  'test/threads/stress',
  'test/threads/thread-ends',
  'test/engine/',
  'test/house/',
  'test/balancer/scale',
]

/**
 * @returns {Map<string, string>} the area of each file
 * @throws {Error} the table names a path without a file: it has to follow the files
 */
export function areaOfFiles() {
  /** @type {Map<string, string>} */
  const areas = new Map()
  const claims = Object.entries(AREAS).flatMap(([area, paths]) => paths.map((path) => ({ area, path })))
  // Files by themselves last, so that their word stands.
  claims.sort((one, other) => Number(one.path.endsWith('.ts')) - Number(other.path.endsWith('.ts')))
  for (const { area, path } of claims) {
    const files = filesBelow([path]).filter((file) => file.endsWith('.ts'))
    if (files.length === 0)
      throw new Error(`scripts/mutation/areas.mjs: ${area} names ${path}, which has no file`)
    for (const file of files) areas.set(file, area)
  }
  return areas
}
