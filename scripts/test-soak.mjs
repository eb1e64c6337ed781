// `npm run test:soak [-- vitest's arguments]`: set-up, then the long runs of test/soak/. Most of them take each engine in
// turn; those that need a process of the engine's own run once more on the fallback. The last line is `N passed, N failed`.
//
//   --minutes N   only the soak under overload, for so long on each engine; FAIRLEAD_SOAK_SEED=N repeats a run's choices
import { Phases } from './phases.mjs'
import { setupOrExit } from './setup.mjs'
import { say } from './shell.mjs'
import { SOAK_OVERLOAD } from './suites.mjs'
import { vitest } from './vitest.mjs'

/** Whose balancers are on the engine that the process has picked. */
const OF_THE_PROCESS = [
  'test/soak/admission-kills.soak.ts',
  'test/soak/balancer-kills.soak.ts',
  'test/soak/hang.soak.ts',
  SOAK_OVERLOAD,
]

const { minutes, rest } = takeMinutes(process.argv.slice(2))
const phases = new Phases()
const { native } = await setupOrExit('auto')
const soak = (/** @type {string} */ engine, /** @type {string[]} */ files) =>
  phases.run(`soak, ${engine} engine`, () =>
    vitest(`soak-${engine}`, ['--mode', 'soak', ...files], {
      FAIRLEAD_ENGINE: engine,
      ...(minutes !== undefined && { FAIRLEAD_SOAK_MINUTES: minutes }),
    }),
  )
const chosen = minutes === undefined ? rest : [SOAK_OVERLOAD, ...rest]
if (native) await soak('native', chosen)
await soak('fallback', native && chosen.length === 0 ? OF_THE_PROCESS : chosen)
phases.finish()

/**
 * Takes `--minutes N` out of the arguments; ends the process where N is no number of minutes.
 * @param {string[]} args
 */
function takeMinutes(args) {
  const at = args.findIndex((word) => word === '--minutes' || word.startsWith('--minutes='))
  if (at === -1) return { minutes: undefined, rest: args }
  const isOneWord = args[at].includes('=')
  const minutes = isOneWord ? args[at].slice('--minutes='.length) : (args[at + 1] ?? '')
  const rest = args.filter((_, i) => i !== at && (isOneWord || i !== at + 1))
  if (Number(minutes) > 0 && Number.isFinite(Number(minutes))) return { minutes, rest }
  say(`--minutes is "${minutes}"; it takes a number above 0`)
  process.exit(2)
}
