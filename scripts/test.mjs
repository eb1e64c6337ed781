// `npm test`: set-up, then everything quick. The last line printed is `N passed, N failed`.
import { takeEngine } from './engine-argument.mjs'
import { Phases } from './phases.mjs'
import { setupInPhases } from './setup.mjs'
import { notRun, quickPhases } from './suite-phases.mjs'
import { missingTool } from './toolchain.mjs'
import { vitest } from './vitest.mjs'

const HELP = `npm test [-- [--engine native|fallback] [arguments for vitest]]

Sets the clone up, then runs what takes less than five minutes on two cores: lint, types, and the quick tests, on the
native engine, the contract suite on both engines. \`npm run test:all\` runs the rest.

  --engine native     only on the native engine, which must be there
  --engine fallback   all quick tests on the fallback engine, and nothing on the native one
  anything else       goes to vitest, which then runs alone, on both engines unless --engine names one: a file's name,
                      -t NAME, --project engines|quick|long`

const { engine, rest } = takeEngine(process.argv.slice(2))
if (rest.includes('--help')) {
  console.log(HELP)
  process.exit()
}

const phases = new Phases()
const native = await setupInPhases(phases, engine)
if (native !== undefined) {
  if (rest.length > 0) await runVitest(native)
  else await phases.runAll(quickPhases(engine, native))
  phases.finish(rest.length > 0 ? [] : notRun(engine, native))
}

/** @param {boolean} native */
async function runVitest(native) {
  for (const kind of ['native', 'fallback']) {
    if (engine !== 'auto' && engine !== kind) continue
    const name = `vitest, ${kind} engine`
    if (kind === 'native' && !native) phases.skip(name, missingTool() ?? 'the addon does not build')
    else await phases.run(name, () => vitest(kind, rest, { FAIRLEAD_ENGINE: kind }))
  }
}
