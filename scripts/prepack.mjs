// Before `npm pack` and `npm publish`: a clean dist/ and, where this machine can build it, the prebuilt binary.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { prebuild } from './prebuild.mjs'
import { compile } from './setup.mjs'
import { ROOT, say } from './shell.mjs'

rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
await compile()
const missing = await prebuild()
if (missing !== undefined) {
  // A prebuilt binary of older sources must not be published with newer JavaScript.
  rmSync(join(ROOT, 'prebuilds'), { recursive: true, force: true })
  say(`prebuilds: none in this package, it will run on the fallback: ${missing}`)
}
