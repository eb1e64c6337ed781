// The list of a folder's binaries that lib/engine/load.ts checks them against before it loads one.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Writes `manifest.json` beside the `.node` files of a folder.
 * @param {string} folder
 * @returns {string[]} the files listed
 */
export function writeManifest(folder) {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.node'))
    .sort()
  const files = Object.fromEntries(names.map((name) => [name, describe(join(folder, name))]))
  writeFileSync(join(folder, 'manifest.json'), `${JSON.stringify({ files }, null, 2)}\n`)
  return names
}

/** @param {string} path */
function describe(path) {
  const bytes = readFileSync(path)
  return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}
