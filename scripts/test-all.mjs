// `npm run test:all`: set-up, then everything. The last line printed is `N passed, N failed`.
import { parseArgs } from 'node:util'
import { takeEngine } from './engine-argument.mjs'
import { Phases } from './phases.mjs'
import { provideServers } from './servers.mjs'
import { setupInPhases } from './setup.mjs'
import { say } from './shell.mjs'
import { quickPhases, restPhases } from './suite-phases.mjs'
import { missingTool } from './toolchain.mjs'

const HELP = `npm run test:all [-- options]

Sets the clone up, then runs everything that \`npm test\` runs, and what takes longer: the long tests and all tests on the
fallback engine, the C++ core under sanitizers, the demonstration, the packed tarball, the matrix of Nodes and callers,
the table of faults, the cluster with a real etcd in short.

  --rest                     leaves out what \`npm test\` runs: after one, nothing runs twice
  --only WORD                only the phases whose name contains WORD
  --engine native|fallback   only the tests on this engine
  --list                     prints the phases, and runs none`

const { engine, rest: words } = takeEngine(process.argv.slice(2))
const options = parse()
if (options.help) {
  console.log(HELP)
  process.exit()
}

const chosen = (/** @type {boolean} */ native) =>
  [...(options.rest ? [] : quickPhases(engine, native)), ...restPhases(engine, native)].filter(({ name }) =>
    name.includes(options.only ?? ''),
  )
if (options.list) {
  // Nothing is set up for a list: the addon is taken to be there if it can be built.
  for (const { name, how } of chosen(missingTool() === undefined)) console.log(`${name}: ${how}`)
  process.exit()
}

const phases = new Phases()
const native = await setupInPhases(phases, engine)
if (native !== undefined) {
  await provideServers()
  await phases.runAll(chosen(native))
  phases.finish()
}

function parse() {
  try {
    return parseArgs({
      args: words,
      options: {
        rest: { type: 'boolean' },
        only: { type: 'string' },
        list: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    say(`test:all: ${error instanceof Error ? error.message : error}\n\n${HELP}`)
    process.exit(2)
  }
}
