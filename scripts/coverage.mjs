// `npm run coverage`: set-up, then the quick tests with coverage of lib/, by vitest's v8 provider.
import { takeEngine } from './engine-argument.mjs'
import { setupOrExit } from './setup.mjs'
import { bin, run, say } from './shell.mjs'

const HELP = `npm run coverage [-- [--engine native|fallback] [--all] [arguments for vitest]]

Runs the quick tests once, on the native engine where there is one, and says which lines and branches of lib/ they reach:
a table here, pages in coverage/index.html, and coverage/coverage-summary.json.

  --engine ...   native or fallback
  --all          the long tests, too; some ten minutes more
  anything else  goes to vitest: a file's name, --coverage.include 'lib/health/**'

What runs in other threads and processes (worker threads, the command line, the proxy) runs from dist/ and is not counted, nor is
C++: files that only such tests reach look barer than they are. It is a map of what no test looks at, not a mark to reach.`

const { engine, rest } = takeEngine(process.argv.slice(2))
if (rest.includes('--help')) {
  console.log(HELP)
  process.exit()
}
const all = rest.includes('--all')
const words = rest.filter((word) => word !== '--all')
const { native } = await setupOrExit(engine)
const suites = all || words.length > 0 ? [] : ['--project', 'engines', '--project', 'quick']
const { code } = await run(
  process.execPath,
  [bin('vitest'), 'run', ...suites, '--coverage.enabled', ...words],
  {
    env: { FAIRLEAD_ENGINE: native ? 'native' : 'fallback' },
  },
)
if (code === 0) say('coverage: coverage/index.html')
process.exitCode = code
