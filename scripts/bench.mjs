// `npm run bench [-- options]`: set-up, then the benchmarks, compiled so that nothing translates them while they run.
import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { excerpt } from './excerpt.mjs'
import { cmakeJs, loadFault } from './native.mjs'
import { setupOrExit } from './setup.mjs'
import { become, bin, ROOT, run, say } from './shell.mjs'
import { digest, isStamped, stamp } from './stamp.mjs'
import { missingTool } from './toolchain.mjs'

const STAMP = '.cache/bench.stamp'
const PEER_STAMP = '.cache/bench-native.stamp'
const PEER = 'build-bench-native/Release/fairlead_bench.node'

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
const peerInputs = digest(['bench/native', 'cmake', 'CMakeLists.txt', 'package-lock.json'])
if (!existsSync(join(ROOT, PEER)) || !isStamped(PEER_STAMP, peerInputs)) await buildPeer()
process.exitCode = await become(process.execPath, [
  join(ROOT, 'build-bench/main.js'),
  ...process.argv.slice(2),
])

/** The Boost queue that the benchmarks compare with. Where it cannot be built, its rows are missing, and the suite says so. */
async function buildPeer() {
  const folder = join(ROOT, 'build-bench-native')
  rmSync(folder, { recursive: true, force: true })
  if (missingTool() !== undefined) return
  const { code, output } = await cmakeJs(folder, ['--CDFAIRLEAD_BENCH=ON'])
  const fault = code === 0 ? await loadFault(join(ROOT, PEER)) : excerpt(output)
  if (fault === undefined) stamp(PEER_STAMP, peerInputs)
  else say(`bench: the Boost peer was not built:\n${fault}`)
}
