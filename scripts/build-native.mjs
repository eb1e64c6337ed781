// `npm run build:native`: the addon, or exit code 1 and the reason.
import { buildNative } from './native.mjs'
import { say } from './shell.mjs'

const missing = await buildNative()
if (missing !== undefined) {
  say(`addon: not built: ${missing}`)
  process.exitCode = 1
}
