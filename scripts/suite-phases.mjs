// The phases of `npm test` and of `npm run test:all`, and which of them is in which.
import { ctest } from './ctest.mjs'
import { lastCount, one } from './phases.mjs'
import { missingForCluster } from './servers.mjs'
import { bin, run } from './shell.mjs'
import { ENGINE_OF_THE_PROCESS, LONG, SOAK_OVERLOAD } from './suites.mjs'
import { missingTool } from './toolchain.mjs'
import { vitest } from './vitest.mjs'

/** @typedef {'auto' | 'native' | 'fallback'} Wanted engine that is asked for; `auto`: both */
/** @typedef {{ name: string, how: string, skip?: string, body: () => Promise<import('./phases.mjs').Count> }} Phase `how`: the command for it alone */

/**
 * Test files at once on two cores. Quick ones wait for half of their time (for time-outs, processes that start, answers that are late on
 * purpose), long ones compute.
 * @param {string[]} suites
 */
const workers = (suites) => `--maxWorkers=${suites.includes('long') ? 2 : 3}`

/** @param {string[]} args */
const check = async (args) => one((await run(process.execPath, args)).code === 0)

/** A program of ours, whose last line is its count. @param {string[]} args */
async function counted(args) {
  const { code, output } = await run(process.execPath, args, { tee: true })
  return lastCount(output, code)
}

/**
 * @param {string} engine
 * @param {string[]} suites
 * @param {string[]} files only of those; all unless given
 * @returns {Phase}
 */
function suitesOn(engine, suites, files = []) {
  const words = [...suites.flatMap((suite) => ['--project', suite]), ...files]
  const only = files.length === 0 ? '' : ` (${files.join(', ')})`
  return {
    name: `vitest, ${engine} engine: ${suites.join(', ')}${only}`,
    how: `npm test -- --engine ${engine} ${words.join(' ')}`,
    body: () =>
      vitest(`${engine}-${suites.join('-')}`, [workers(suites), ...words], { FAIRLEAD_ENGINE: engine }),
  }
}

/**
 * Vitest on the native engine where the addon is there. Without a compiler that is a circumstance; with every tool in
 * place it is our code that does not build: a fault.
 * @param {boolean} native the addon is there
 * @param {string[]} suites
 * @returns {Phase}
 */
function onNative(native, suites) {
  const phase = suitesOn('native', suites)
  if (native) return phase
  const skip = missingTool()
  return { ...phase, skip, body: () => Promise.reject(new Error('the addon does not build')) }
}

/** @type {Phase[]} */
const style = [
  { name: 'lint and format', how: 'npm run lint', body: () => check(['scripts/lint.mjs']) },
  {
    name: 'types',
    how: 'npm run typecheck',
    body: () => check([bin('typescript', 'tsc'), '-p', 'tsconfig.check.json']),
  },
]

/**
 * What `npm test` runs. On the fallback engine all quick tests where it is asked for or alone. Beside the native engine only
 * what needs a process of its own: the contract suite runs on both engines in one process.
 * @param {Wanted} wanted
 * @param {boolean} native the addon is there
 * @returns {Phase[]}
 */
export function quickPhases(wanted, native) {
  const phases = [...style]
  if (wanted !== 'fallback') phases.push(onNative(native, ['engines', 'quick']))
  if (wanted === 'auto' && native) phases.push(suitesOn('fallback', ['engines'], [ENGINE_OF_THE_PROCESS]))
  else if (wanted !== 'native') phases.push(suitesOn('fallback', ['engines', 'quick']))
  return phases
}

/**
 * What `npm test` leaves to `npm run test:all`. No test is in both.
 * @param {Wanted} wanted
 * @param {boolean} native
 * @returns {Phase[]}
 */
export function restPhases(wanted, native) {
  const phases = []
  if (wanted !== 'fallback') phases.push(onNative(native, ['long']))
  if (wanted !== 'native')
    phases.push(suitesOn('fallback', wanted === 'auto' && native ? ['quick', 'long'] : ['long']))
  if (wanted !== 'fallback' && native) phases.push(overload('native'))
  if (wanted !== 'native') phases.push(overload('fallback'))
  if (wanted !== 'fallback') phases.push(...sanitized())
  return wanted === 'auto' ? [...phases, ...programs(native)] : phases
}

/** @returns {Phase[]} */
const sanitized = () =>
  /** @type {const} */ (['thread', 'address']).map((sanitizer) => ({
    name: `ctest, ${sanitizer} sanitizer`,
    how: 'npm run test:all -- --only ctest',
    skip: missingTool(),
    body: () => ctest(sanitizer),
  }))

/** @param {boolean} native @returns {Phase[]} */
const programs = (native) => [
  {
    name: 'demonstration',
    how: 'npm start',
    body: () => check(['scripts/start.mjs', '--duration', '5']),
  },
  { name: 'packed tarball', how: 'npm run test:package', body: () => counted(['scripts/test-package.mjs']) },
  {
    name: 'matrix of Nodes and callers',
    how: 'npm run test:matrix',
    body: () => counted(['scripts/test-matrix.mjs']),
  },
  {
    // On one engine: what decides an outcome is the same code over both, and one engine is five minutes.
    name: 'table of faults, against docs/faults.md',
    how: 'npm run test:faults -- --check',
    body: () => counted(['scripts/test-faults.mjs', '--check', '--engine', native ? 'native' : 'fallback']),
  },
  {
    name: 'cluster with a real etcd, in short',
    how: 'npm run test:cluster -- --short',
    skip: missingForCluster(),
    body: () => counted(['scripts/test-cluster.mjs', '--short']),
  },
]

/**
 * The soak under overload in short, in a run of its own: it is about memory and about threads, and takes both cores.
 * @param {string} engine
 * @returns {Phase}
 */
const overload = (engine) => ({
  name: `soak under overload, in short, ${engine} engine`,
  how: 'npm run test:soak -- --minutes 0.75',
  body: () =>
    vitest(`soak-overload-${engine}`, ['--mode', 'soak', SOAK_OVERLOAD], { FAIRLEAD_ENGINE: engine }),
})

/**
 * What a run of `npm test` has not run, and how to run it.
 * @param {Wanted} wanted
 * @param {boolean} native
 */
export function notRun(wanted, native) {
  const rest = restPhases(wanted, native)
  const widest = Math.max(...rest.map(({ name }) => name.length))
  return [
    'Not run here. `npm run test:all -- --rest` runs it all, or one by one:',
    ...rest.map(({ name, how }) => `  ${name.padEnd(widest)}  ${how}`),
    `The long tests are: ${Object.keys(LONG).join('; ')}.`,
    'In neither: the soak, half an hour: npm run test:soak',
  ]
}
