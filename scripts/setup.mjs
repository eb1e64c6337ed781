// Brings a clone from nothing to runnable: dependencies, JavaScript, addon. Each step is left out when its inputs are
// what they were; with nothing to do it takes a fraction of a second.
//
// FAIRLEAD_ENGINE=native    a missing addon is an error
// FAIRLEAD_ENGINE=fallback  the addon is left alone
// FAIRLEAD_SKIP_NATIVE=1    as on a machine without a compiler
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleEntry } from './bundle.mjs'
import { excerpt } from './excerpt.mjs'
import { buildNative } from './native.mjs'
import { bin, npm, ROOT, run, say, secondsSince } from './shell.mjs'
import { digest, filesBelow, isStamped, stamp, unstamp } from './stamp.mjs'

const NPM_STAMP = 'node_modules/.fairlead.stamp'
const TSC_STAMP = '.cache/tsc.stamp'

/**
 * A step that has to work: shows its log and throws when it does not.
 * @param {string} name
 * @param {string} command
 * @param {string[]} args
 */
async function demand(name, command, args) {
  const begun = performance.now()
  say(`${name} ...`)
  const { code, output } = await run(command, args, { quiet: true })
  if (code !== 0) throw new Error(`${name} failed (exit code ${code}):\n${excerpt(output)}`)
  say(`${name}: done in ${secondsSince(begun)}`)
}

async function installDependencies() {
  const wanted = digest(['package-lock.json'], [process.versions.modules, process.platform, process.arch])
  if (isStamped(NPM_STAMP, wanted)) return
  // No dependency of ours needs its install script.
  await demand('dependencies: npm ci', ...npm(['ci', '--ignore-scripts', '--no-fund', '--no-audit']))
  stamp(NPM_STAMP, wanted)
}

/** Compiles lib/ to dist/ where it has changed. */
export async function compile() {
  const wanted = digest([
    'lib',
    'scripts/bundle.mjs',
    'tsconfig.json',
    'tsconfig.base.json',
    'package-lock.json',
  ])
  if (existsSync(join(ROOT, 'dist/index.js')) && isStamped(TSC_STAMP, wanted)) return
  // A failed run leaves files, too: what stands there then is of no known state.
  unstamp(TSC_STAMP)
  removeOrphans()
  await demand('lib -> dist: tsc', process.execPath, [bin('typescript', 'tsc'), '-p', 'tsconfig.json'])
  await bundleEntry()
  stamp(TSC_STAMP, wanted)
}

/** Takes out of dist/ what a renamed or deleted source has left there. */
function removeOrphans() {
  const sources = new Set(filesBelow(['lib']).map((file) => file.slice('lib/'.length).replace(/\.ts$/, '')))
  for (const file of filesBelow(['dist'])) {
    const stem = file.slice('dist/'.length).replace(/(\.d\.ts|\.js|\.js\.map)$/, '')
    if (!sources.has(stem)) rmSync(join(ROOT, file))
  }
}

/**
 * All of the set-up.
 * @param {string} [wanted] engine: `auto`, `native` or `fallback`
 * @returns {Promise<{ native: boolean }>} whether the addon is there
 */
export async function setup(wanted = process.env.FAIRLEAD_ENGINE || 'auto') {
  await installDependencies()
  await compile()
  if (wanted === 'fallback') return { native: false }
  const missing = await buildNative()
  if (missing === undefined) return { native: true }
  if (wanted === 'native') throw new Error(`FAIRLEAD_ENGINE=native, but there is no addon: ${missing}`)
  say(`addon: skipped, the fallback engine will run: ${missing}`)
  return { native: false }
}

/**
 * `setup` for a script: on failure says why and ends the process.
 * @param {string} [wanted]
 */
export async function setupOrExit(wanted) {
  try {
    return await setup(wanted)
  } catch (error) {
    say(`set-up: ${error instanceof Error ? error.message : error}`)
    process.exit(1)
  }
}

/**
 * `setup` for a script that counts: on failure says why, prints the count, and sets the exit code.
 * @param {import('./phases.mjs').Phases} phases
 * @param {string} wanted
 * @returns {Promise<boolean | undefined>} whether the addon is there; undefined when set-up failed
 */
export async function setupInPhases(phases, wanted) {
  try {
    return (await setup(wanted)).native
  } catch (error) {
    await phases.run('set-up', () => Promise.reject(error))
    phases.finish()
    return undefined
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const begun = performance.now()
  const { native } = await setupOrExit()
  say(`set-up: ready in ${secondsSince(begun)}, ${native ? 'with' : 'without'} the addon`)
}
