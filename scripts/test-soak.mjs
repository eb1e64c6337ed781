// `npm run test:soak [-- vitest's arguments]`: set-up, then the long runs of test/soak/. Most of them take each engine in
// turn; those that need a process of the engine's own run once more on the fallback. The last line is `N passed, N failed`.
import { Phases } from './phases.mjs'
import { setupOrExit } from './setup.mjs'
import { vitest } from './vitest.mjs'

/** Whose balancers are on the engine that the process has picked. */
const OF_THE_PROCESS = [
  'test/soak/admission-kills.soak.ts',
  'test/soak/balancer-kills.soak.ts',
  'test/soak/hang.soak.ts',
]

const rest = process.argv.slice(2)
const phases = new Phases()
const { native } = await setupOrExit('auto')
const soak = (/** @type {string} */ engine, /** @type {string[]} */ files) =>
  phases.run(`soak, ${engine} engine`, () =>
    vitest(`soak-${engine}`, ['--mode', 'soak', ...files], { FAIRLEAD_ENGINE: engine }),
  )
if (native) await soak('native', rest)
await soak('fallback', native && rest.length === 0 ? OF_THE_PROCESS : rest)
phases.finish()
