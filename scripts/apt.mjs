// Packages of the system: installed where that takes no question, as root on Debian and its descendants. Elsewhere the command is said.
import { existsSync } from 'node:fs'
import { excerpt } from './excerpt.mjs'
import { run, say, which } from './shell.mjs'

const PATIENCE = [
  '-o',
  'Acquire::Retries=1',
  '-o',
  'Acquire::http::Timeout=20',
  '-o',
  'DPkg::Lock::Timeout=60',
]

/**
 * Installs what was found missing; true where that was possible.
 * @param {string} what in words, for messages
 * @param {string} name of the package
 * @param {string} elsewhere the command where there is no apt-get
 */
export async function provide(what, name, elsewhere) {
  const verb = what.endsWith('s') ? 'are' : 'is'
  const aptGet = existsSync('/etc/debian_version') ? which('apt-get') : undefined
  if (aptGet === undefined || process.getuid?.() !== 0) {
    say(
      `${what} ${verb} missing; to install: ${aptGet === undefined ? elsewhere : `sudo apt-get install -y ${name}`}`,
    )
    return false
  }
  say(`${what} ${verb} missing; running as root: apt-get install ${name}`)
  const log = await install(aptGet, name)
  if (log === undefined) return true
  say(`apt-get failed; the command was: apt-get update && apt-get install -y ${name}\n${log}`)
  return false
}

/**
 * @param {string} aptGet
 * @param {string} name
 * @returns {Promise<string | undefined>} its log when it failed
 */
async function install(aptGet, name) {
  const options = { quiet: true, env: { DEBIAN_FRONTEND: 'noninteractive' } }
  const once = () => run(aptGet, [...PATIENCE, 'install', '-y', '--no-install-recommends', name], options)
  let result = await once()
  if (result.code !== 0) {
    // The package lists may be old or, in a container, not there at all.
    await run(aptGet, [...PATIENCE, 'update'], options)
    result = await once()
  }
  return result.code === 0 ? undefined : excerpt(result.output)
}
