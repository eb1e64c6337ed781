// `npm run lint:native`: clang-tidy over the C++ of src/ and binding/, with the checks of .clang-tidy.
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, join, relative } from 'node:path'
import { excerpt } from './excerpt.mjs'
import { cmakeJs } from './native.mjs'
import { one, Phases } from './phases.mjs'
import { setupOrExit } from './setup.mjs'
import { ROOT, run, say, which } from './shell.mjs'
import { filesBelow } from './stamp.mjs'
import { provideTools } from './toolchain.mjs'

const HELP = `npm run lint:native [-- [--fix] [FILE...]]

Runs clang-tidy over src/*.cpp and binding/*.cpp and the headers that they include, with the checks of .clang-tidy; every
finding is an error. clang-tidy 14 or later is looked for in CLANG_TIDY, then on PATH (clang-tidy, clang-tidy-19, ...).

  --fix   mends what clang-tidy can mend, one file after the other
  FILE    only these

Where clang-tidy, a compiler, CMake or Boost is missing, says so and ends with exit code 1.`

const FOLDER = join(ROOT, 'build-tidy')
const INSTALL =
  'on Debian or Ubuntu: apt-get install clang-tidy; macOS: brew install llvm; anywhere: pipx install clang-tidy'

const words = process.argv.slice(2)
if (words.includes('--help')) {
  console.log(HELP)
  process.exit()
}
const fix = words.includes('--fix')
const named = words
  .filter((word) => word !== '--fix')
  .map((path) => relative(ROOT, join(process.cwd(), path)))
const files = filesBelow(['src', 'binding']).filter(
  (file) => file.endsWith('.cpp') && (named.length === 0 || named.includes(file)),
)

const tidy = findTidy()
if (tidy === undefined) stop(`clang-tidy is not installed; ${INSTALL}`)
if (files.length === 0) stop(`no such file in src/ or binding/: ${named.join(', ')}`)
// The headers of Node-API come from npm.
await setupOrExit('fallback')
const missing = await provideTools()
if (missing !== undefined) stop(missing)
await configure()

const phases = new Phases()
await phases.run('clang-tidy', async () => {
  const counts = { passed: 0, failed: 0 }
  const waiting = [...files]
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const { passed, failed } = one(await check(file))
      counts.passed += passed
      counts.failed += failed
    }
  }
  // Two that mend one header at a time would spoil it.
  await Promise.all(Array.from({ length: fix ? 1 : availableParallelism() }, work))
  return counts
})
phases.finish()

/** @param {string} file */
async function check(file) {
  // The database is made for the compiler that builds: flags that clang does not know are not its findings.
  const foreign = ['-Wno-unknown-warning-option', '-Wno-ignored-optimization-argument'].map(
    (flag) => `--extra-arg=${flag}`,
  )
  const args = ['-p', FOLDER, '--quiet', ...foreign, ...(fix ? ['--fix'] : []), join(ROOT, file)]
  const { code, output } = await run(/** @type {string} */ (tidy), args, { quiet: true })
  const lines = output
    .split('\n')
    .filter((line) => !/^(\d+ warnings? (generated|treated)|Suppressed \d+|Use -header-filter)/.test(line))
  say(`${code === 0 ? 'ok  ' : 'FAIL'}  ${file}`)
  if (code !== 0) say(lines.join('\n').replaceAll(`${ROOT}`, '').trim())
  return code === 0
}

/** Makes the compilation database: how each file is compiled for the addon. */
async function configure() {
  rmSync(FOLDER, { recursive: true, force: true })
  const { code, output } = await cmakeJs(FOLDER, ['--CDCMAKE_EXPORT_COMPILE_COMMANDS=ON'], 'configure')
  if (code !== 0 || !existsSync(join(FOLDER, 'compile_commands.json')))
    stop(`CMake made no compilation database:\n${excerpt(output)}`)
}

/** The newest one on PATH, unless CLANG_TIDY names one. */
function findTidy() {
  if (process.env.CLANG_TIDY) return process.env.CLANG_TIDY
  const plain = which('clang-tidy')
  if (plain !== undefined) return plain
  const versions = (process.env.PATH ?? '')
    .split(delimiter)
    .flatMap((folder) => (existsSync(folder) ? readdirSync(folder) : []))
    .flatMap((name) => /^clang-tidy-(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
  return versions.length === 0 ? undefined : which(`clang-tidy-${Math.max(...versions)}`)
}

/**
 * @param {string} why
 * @returns {never}
 */
function stop(why) {
  say(`lint:native: ${why}`)
  process.exit(1)
}
