// `npm run bench [-- options]`: set-up, then the benchmarks, compiled so that nothing translates them while they run.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setupOrExit } from './setup.mjs'
import { become, bin, ROOT, run, say } from './shell.mjs'
import { digest, isStamped, stamp } from './stamp.mjs'

const STAMP = '.cache/bench.stamp'

await setupOrExit()
// The declarations of dist/ are an input, too.
const inputs = digest(['bench', 'lib', 'tsconfig.base.json', 'tsconfig.bench.json', 'package-lock.json'])
if (!isStamped(STAMP, inputs)) {
  rmSync(join(ROOT, 'build-bench'), { recursive: true, force: true })
  const { code } = await run(process.execPath, [bin('typescript', 'tsc'), '-p', 'tsconfig.bench.json'])
  if (code !== 0) {
    say('bench: the benchmarks do not compile')
    process.exit(1)
  }
  stamp(STAMP, inputs)
}
process.exitCode = await become(process.execPath, [
  join(ROOT, 'build-bench/main.js'),
  ...process.argv.slice(2),
])
