// What the addon's build needs: a C++ compiler, CMake, and Boost's headers.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { provide } from './apt.mjs'
import { which } from './shell.mjs'

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
  const installed = await provide("Boost's headers", BOOST_PACKAGE, elsewhere())
  return installed ? missingTool() : missing
}

/** The command where there is no apt-get. */
function elsewhere() {
  if (process.platform === 'darwin') return 'brew install boost'
  return 'your package manager on "boost" (headers, 1.74 or later), or BOOST_ROOT=<its folder>'
}
