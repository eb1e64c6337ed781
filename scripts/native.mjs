// Building the addon in place: build/Release/fairlead.node and its manifest.
import { existsSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { excerpt } from './excerpt.mjs'
import { writeManifest } from './manifest.mjs'
import { bin, ROOT, run, say, secondsSince } from './shell.mjs'
import { digest, isStamped, stamp, unstamp } from './stamp.mjs'
import { provideTools } from './toolchain.mjs'

const STAMP = 'build/inputs.stamp'
const BINARY = 'build/Release/fairlead.node'

/** The digest of everything that goes into the binary. */
export const nativeInputs = () =>
  digest(
    ['src', 'binding', 'cmake', 'CMakeLists.txt', 'scripts/native.mjs', 'package-lock.json'],
    [process.platform, process.arch, process.env.CXX ?? ''],
  )

/**
 * cmake-js into a build folder; the binary lands in its `Release`.
 * @param {string} out the build folder
 * @param {string[]} [more] further arguments
 * @param {'compile' | 'configure'} [command]
 */
export const cmakeJs = (out, more = [], command = 'compile') =>
  run(
    process.execPath,
    [bin('cmake-js'), command, '--out', out, '--parallel', String(availableParallelism()), ...more],
    { quiet: true },
  )

/**
 * Why a freshly built addon does not load: an undefined symbol shows only here. In a process of its own.
 * @param {string} path
 * @returns {Promise<string | undefined>}
 */
export async function loadFault(path) {
  const { code, output } = await run(process.execPath, ['-e', 'require(process.argv[1])', path], {
    quiet: true,
  })
  return code === 0 ? undefined : `it does not load:\n${excerpt(output)}`
}

/**
 * Makes the addon current.
 * @returns {Promise<string | undefined>} why there is none; undefined when it is there
 */
export async function buildNative() {
  const inputs = nativeInputs()
  const skipped = process.env.FAIRLEAD_SKIP_NATIVE === '1'
  if (!skipped && existsSync(join(ROOT, BINARY)) && isStamped(STAMP, inputs)) return undefined

  const missing = await provideTools()
  if (missing !== undefined) {
    // A configured build folder remembers that something was missing, and a binary of older sources must not load.
    rmSync(join(ROOT, 'build'), { recursive: true, force: true })
    return missing
  }
  const begun = performance.now()
  say('addon: cmake-js ...')
  unstamp(STAMP)
  const { code, output } = await cmakeJs(join(ROOT, 'build'))
  if (code !== 0) {
    rmSync(join(ROOT, 'build'), { recursive: true, force: true })
    return `the build failed:\n${excerpt(output)}`
  }
  const fault = await loadFault(join(ROOT, BINARY))
  if (fault !== undefined) return fault
  writeManifest(join(ROOT, 'build/Release'))
  stamp(STAMP, inputs)
  say(`addon: built in ${secondsSince(begun)}`)
  return undefined
}
