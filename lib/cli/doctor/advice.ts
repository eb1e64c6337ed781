import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PACKAGE_ROOT = new URL('../../../', import.meta.url)

/** The command that would make the native engine available here. */
export function adviceFor(): string {
  // A clone has the sources; the published package has only binaries.
  if (existsSync(fileURLToPath(new URL('CMakeLists.txt', PACKAGE_ROOT)))) {
    return `${toolsCommand()}npm run build:native`
  }
  return `npm install --force fairlead (puts the package's own files back); a ${process.platform}-${process.arch} binary that the package does not bring can be built in a clone, by npm run build:native`
}

function toolsCommand(): string {
  if (process.platform === 'darwin') return 'brew install cmake boost && '
  if (existsSync('/etc/debian_version')) return 'sudo apt-get install -y g++ cmake libboost-dev && '
  return ''
}
