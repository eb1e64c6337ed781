// `npm test [-- --engine native|fallback] [-- vitest's arguments]`: set-up, then every test, on both engines. With
// arguments for vitest (a file's name, say) only vitest runs. The last line printed is `N passed, N failed`.
import { ctest } from './ctest.mjs'
import { one, Phases } from './phases.mjs'
import { setup } from './setup.mjs'
import { bin, run, say } from './shell.mjs'
import { missingTool } from './toolchain.mjs'
import { vitest } from './vitest.mjs'

/** @param {string[]} args */
const check = async (args) => one((await run(process.execPath, args)).code === 0)

/** Takes `--engine X` or `--engine=X` out of the arguments. FAIRLEAD_ENGINE is its default. */
function parse(/** @type {string[]} */ args) {
  const rest = [...args]
  const at = rest.findIndex((word) => word === '--engine' || word.startsWith('--engine='))
  let engine = process.env.FAIRLEAD_ENGINE || 'auto'
  if (at !== -1) {
    const [word] = rest.splice(at, 1)
    engine = word === '--engine' ? (rest.splice(at, 1)[0] ?? '') : word.slice('--engine='.length)
  }
  if (!['auto', 'native', 'fallback'].includes(engine)) {
    say(`--engine is "${engine}"; it takes one of native, fallback`)
    process.exit(2)
  }
  return { engine, rest }
}

const { engine, rest } = parse(process.argv.slice(2))
const phases = new Phases()
let native = false
try {
  ;({ native } = await setup(engine))
} catch (error) {
  await phases.run('set-up', () => Promise.reject(error))
  phases.finish()
  process.exit()
}

if (rest.length === 0) {
  await phases.run('lint and format', () => check(['scripts/lint.mjs']))
  await phases.run('types', () => check([bin('typescript', 'tsc'), '-p', 'tsconfig.check.json']))
}

if (engine !== 'fallback') {
  const name = 'vitest, native engine'
  const missing = missingTool()
  if (native) await phases.run(name, () => vitest('native', rest, { FAIRLEAD_ENGINE: 'native' }))
  else if (missing !== undefined) phases.skip(name, missing)
  // With every tool in place it is our code that does not build: a fault, not a circumstance.
  else await phases.run(name, () => Promise.reject(new Error('the addon does not build')))
}
if (engine !== 'native') {
  await phases.run('vitest, fallback engine', () => vitest('fallback', rest, { FAIRLEAD_ENGINE: 'fallback' }))
}

if (rest.length === 0 && engine !== 'fallback') {
  const missing = missingTool()
  for (const sanitizer of /** @type {const} */ (['thread', 'address'])) {
    const name = `ctest, ${sanitizer} sanitizer`
    if (missing === undefined) await phases.run(name, () => ctest(sanitizer))
    else phases.skip(name, missing)
  }
}

phases.finish()
