// `npm run test:cluster [-- options]`: set-up, then scenarios over a real etcd and several nodes (test/cluster), compiled first.
// `--help` lists the options. The last line is `N passed, N failed`.
import { join } from 'node:path'
import { provideServers } from './servers.mjs'
import { setupOrExit } from './setup.mjs'
import { become, bin, ROOT, run, say } from './shell.mjs'
import { digest, isStamped, stamp, unstamp } from './stamp.mjs'

const STAMP = '.cache/cluster.stamp'

await setupOrExit()
await provideServers()
// The declarations of dist/ are an input, too, and so is what the processes of test/fault-table are driven by.
const inputs = digest([
  'test/cluster',
  'test/fault-table',
  'lib',
  'tsconfig.base.json',
  'tsconfig.cluster.json',
  'package-lock.json',
])
if (!isStamped(STAMP, inputs)) {
  unstamp(STAMP)
  const { code } = await run(process.execPath, [bin('typescript', 'tsc'), '-p', 'tsconfig.cluster.json'])
  if (code !== 0) {
    say('cluster: test/cluster does not compile')
    process.exit(1)
  }
  stamp(STAMP, inputs)
}
process.exitCode = await become(process.execPath, [
  join(ROOT, '.cache/cluster/cluster/main.js'),
  ...process.argv.slice(2),
])
