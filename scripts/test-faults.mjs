// `npm run test:faults [-- options]`: set-up, then the table of faults (test/fault-table), compiled first. It writes
// docs/faults.md after a complete run. The last line is `N passed, N failed`.
//
//   --only NAME               only the rows whose name contains NAME; writes nothing
//   --engine native|fallback  only on this engine; writes nothing
//   --at-once N               rows that run at the same time (4)
//   --no-write                leaves docs/faults.md alone
//   --check                   leaves it alone, too; a row fails only if the page does not say that it does not hold
import { join } from 'node:path'
import { setupOrExit } from './setup.mjs'
import { become, bin, ROOT, run, say } from './shell.mjs'
import { digest, isStamped, stamp, unstamp } from './stamp.mjs'

const STAMP = '.cache/fault-table.stamp'

const { native } = await setupOrExit()
// The declarations of dist/ are an input, too.
const inputs = digest([
  'test/fault-table',
  'lib',
  'tsconfig.base.json',
  'tsconfig.faults.json',
  'package-lock.json',
])
if (!isStamped(STAMP, inputs)) {
  unstamp(STAMP)
  const { code } = await run(process.execPath, [bin('typescript', 'tsc'), '-p', 'tsconfig.faults.json'])
  if (code !== 0) {
    say('faults: test/fault-table does not compile')
    process.exit(1)
  }
  stamp(STAMP, inputs)
}
process.exitCode = await become(
  process.execPath,
  [join(ROOT, '.cache/fault-table/main.js'), ...process.argv.slice(2)],
  { FAIRLEAD_FAULTS_ENGINES: native ? 'native,fallback' : 'fallback' },
)
