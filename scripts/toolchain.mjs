// What the addon's build needs: a C++ compiler, CMake, and Boost's headers.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run, say, which } from './shell.mjs'

const BOOST_PACKAGE = 'libboost-dev'

const BOOST_FOLDERS = [
  process.env.BOOST_ROOT,
  process.env.BOOST_ROOT && join(process.env.BOOST_ROOT, 'include'),
  process.env.BOOST_INCLUDEDIR,
  '/usr/include',
  '/usr/local/include',
  '/opt/homebrew/include',
  '/opt/local/include',
]

const hasBoost = () =>
  BOOST_FOLDERS.some((folder) => folder && existsSync(join(folder, 'boost/lockfree/queue.hpp')))

function hasCompiler() {
  if (process.env.CXX) return true
  // On Windows CMake finds Visual Studio by the registry; it will say so where there is none.
  return process.platform === 'win32' || ['c++', 'g++', 'clang++'].some(which)
}

/** What is missing for a build, in words; undefined when everything is there. Looks only. */
export function missingTool() {
  if (process.env.FAIRLEAD_SKIP_NATIVE === '1') return 'FAIRLEAD_SKIP_NATIVE=1 asks for no native build'
  if (!hasCompiler()) return 'no C++ compiler is installed (g++ or clang++)'
  if (!which('cmake')) return 'CMake is not installed'
  if (!hasBoost()) return "Boost's headers are not installed"
  return undefined
}

/**
 * As `missingTool`, but installs Boost's headers where that takes no question: as root on Debian and its descendants,
 * with everything else in place. Elsewhere says the command.
 */
export async function provideTools() {
  const missing = missingTool()
  if (missing === undefined || !missing.startsWith('Boost')) return missing
  const aptGet = existsSync('/etc/debian_version') ? which('apt-get') : undefined
  if (aptGet === undefined || process.getuid?.() !== 0) {
    say(`Boost's headers are missing; to install them: ${commandFor(aptGet)}`)
    return missing
  }
  say(`Boost's headers are missing; running as root: apt-get install ${BOOST_PACKAGE}`)
  const log = await installByApt(aptGet)
  if (log === undefined) return missingTool()
  say(`apt-get failed; the command was: apt-get update && apt-get install -y ${BOOST_PACKAGE}\n${log}`)
  return missing
}

/** @param {string | undefined} aptGet */
function commandFor(aptGet) {
  if (aptGet !== undefined) return `sudo apt-get install -y ${BOOST_PACKAGE}`
  if (process.platform === 'darwin') return 'brew install boost'
  return 'your package manager on "boost" (headers, 1.74 or later), or BOOST_ROOT=<its folder>'
}

/**
 * @param {string} aptGet
 * @returns {Promise<string | undefined>} its log when it failed
 */
async function installByApt(aptGet) {
  const patience = [
    '-o',
    'Acquire::Retries=1',
    '-o',
    'Acquire::http::Timeout=20',
    '-o',
    'DPkg::Lock::Timeout=60',
  ]
  const options = { quiet: true, env: { DEBIAN_FRONTEND: 'noninteractive' } }
  const install = () =>
    run(aptGet, [...patience, 'install', '-y', '--no-install-recommends', BOOST_PACKAGE], options)
  let result = await install()
  if (result.code !== 0) {
    // The package lists may be old or, in a container, not there at all.
    await run(aptGet, [...patience, 'update'], options)
    result = await install()
  }
  return result.code === 0 ? undefined : excerpt(result.output)
}

/**
 * A log cut to its two ends: a compiler's first fault and a linker's last word.
 * @param {string} log
 */
export function excerpt(log, head = 20, tail = 30) {
  const lines = log.trimEnd().split('\n')
  if (lines.length <= head + tail) return lines.join('\n')
  return [...lines.slice(0, head), `... ${lines.length - head - tail} lines ...`, ...lines.slice(-tail)].join(
    '\n',
  )
}
