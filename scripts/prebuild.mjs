// `npm run build:prebuilds`: prebuilds/<platform>-<arch>/, the stripped binary and its manifest, as the package
// carries them. prebuildify knows node-gyp only; scripts/prebuild-shim.mjs stands in for it.
import { existsSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { excerpt } from './excerpt.mjs'
import { writeManifest } from './manifest.mjs'
import { loadFault, nativeInputs } from './native.mjs'
import { bin, ROOT, run, say, secondsSince } from './shell.mjs'
import { digest, isStamped, stamp, unstamp } from './stamp.mjs'
import { provideTools } from './toolchain.mjs'

const STAMP = '.cache/prebuild.stamp'
const FOLDER = join('prebuilds', `${process.platform}-${process.arch}`)
/** prebuildify takes the binary out of `build/Release` below its folder: one of its own, so that ours stays. */
const WORK = join(ROOT, '.cache/prebuild')

/**
 * Makes the prebuilt binary of this platform current.
 * @returns {Promise<string | undefined>} why there is none; undefined when it is there
 */
export async function prebuild() {
  const inputs = digest(['scripts/prebuild.mjs', 'scripts/prebuild-shim.mjs'], [nativeInputs()])
  if (existsSync(join(ROOT, FOLDER, 'manifest.json')) && isStamped(STAMP, inputs)) return undefined
  const missing = await provideTools()
  if (missing !== undefined) return missing

  const begun = performance.now()
  say('prebuilds: prebuildify ...')
  unstamp(STAMP)
  rmSync(join(ROOT, FOLDER), { recursive: true, force: true })
  mkdirSync(WORK, { recursive: true })
  const shim = `"${process.execPath}" "${join(ROOT, 'scripts/prebuild-shim.mjs')}"`
  const options = ['--napi', '--strip', '--tag-libc', '--name', 'node.napi', '--shell', '--node-gyp', shim]
  const { code, output } = await run(
    process.execPath,
    [bin('prebuildify'), ...options, '--cwd', WORK, '--out', ROOT],
    { quiet: true, env: { FAIRLEAD_PREBUILD_OUT: join(WORK, 'build') } },
  )
  if (code !== 0) return `prebuildify failed:\n${excerpt(output)}`
  const names = writeManifest(join(ROOT, FOLDER))
  for (const name of names) {
    const fault = await loadFault(join(ROOT, FOLDER, name))
    if (fault !== undefined) return fault
  }
  stamp(STAMP, inputs)
  say(`prebuilds: ${FOLDER}/${names.join(', ')} in ${secondsSince(begun)}`)
  return undefined
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const missing = await prebuild()
  if (missing !== undefined) {
    say(`prebuilds: not built: ${missing}`)
    process.exitCode = 1
  }
}
