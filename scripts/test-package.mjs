// `npm run test:package`: packs the package as it would be published and tests what comes out
// (test/e2e/package.test.ts). The last line printed is `N passed, N failed`.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Phases } from './phases.mjs'
import { setupOrExit } from './setup.mjs'
import { npm, ROOT, run, say } from './shell.mjs'
import { missingTool } from './toolchain.mjs'
import { vitest } from './vitest.mjs'

await setupOrExit()
const folder = mkdtempSync(join(tmpdir(), 'fairlead-pack-'))
try {
  const phases = new Phases()
  await phases.run('packed tarball', async () => {
    const { code } = await run(...npm(['pack', '--pack-destination', folder]))
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))
    if (code !== 0 || tarball === undefined) throw new Error(`npm pack failed with exit code ${code}`)
    const missing = missingTool()
    const hasBinary = missing === undefined || existsSync(join(ROOT, 'prebuilds'))
    if (!hasBinary) say(`packed without a binary: ${missing}`)
    return vitest('package', ['--mode', 'package'], {
      FAIRLEAD_TARBALL: join(folder, tarball),
      FAIRLEAD_TARBALL_BINARY: hasBinary ? '1' : '0',
    })
  })
  phases.finish()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
