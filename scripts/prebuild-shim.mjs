// What prebuildify calls in place of node-gyp: `rebuild --target=... --arch=... [--debug]`. The target does not matter,
// the binary is Node-API's; another architecture than this machine's is not built here.
import { rmSync } from 'node:fs'
import { cmakeJs } from './native.mjs'

const out = process.env.FAIRLEAD_PREBUILD_OUT
if (out === undefined) throw new Error('FAIRLEAD_PREBUILD_OUT is not set: run `npm run build:prebuilds`')

const arch = process.argv.find((word) => word.startsWith('--arch='))?.slice('--arch='.length)
if (arch !== undefined && arch !== process.arch) {
  throw new Error(`this machine is ${process.arch}, it does not build for ${arch}`)
}

rmSync(out, { recursive: true, force: true })
const { code, output } = await cmakeJs(out, process.argv.includes('--debug') ? ['--debug'] : [])
process.stdout.write(output)
process.exitCode = code
