// Knowing that a step's inputs are what they were when it was last done.
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from './shell.mjs'

/**
 * Every file below some paths of the clone, sorted, with `/` between folders. A path that is not there counts as empty.
 * @param {string[]} paths
 * @returns {string[]}
 */
export function filesBelow(paths) {
  /** @type {string[]} */
  const found = []
  for (const path of paths) {
    const info = statSync(join(ROOT, path), { throwIfNoEntry: false })
    if (info?.isFile()) found.push(path)
    if (!info?.isDirectory()) continue
    found.push(...filesBelow(readdirSync(join(ROOT, path)).map((name) => `${path}/${name}`)))
  }
  return found.sort()
}

/**
 * One digest over the names and contents of files, and some words.
 * @param {string[]} paths files and folders of the clone
 * @param {string[]} [words] what else the step depends on
 */
export function digest(paths, words = []) {
  const hash = createHash('sha256').update(words.join('\0'))
  for (const file of filesBelow(paths)) {
    const content = readFileSync(join(ROOT, file))
    hash.update(`\0${file}\0${content.length}\0`).update(content)
  }
  return hash.digest('hex')
}

/**
 * @param {string} file the stamp
 * @param {string} value
 */
export function isStamped(file, value) {
  try {
    return readFileSync(join(ROOT, file), 'utf8') === value
  } catch {
    return false
  }
}

/**
 * @param {string} file the stamp
 * @param {string} value
 */
export function stamp(file, value) {
  mkdirSync(dirname(join(ROOT, file)), { recursive: true })
  writeFileSync(join(ROOT, file), value)
}

/** @param {string} file the stamp */
export const unstamp = (file) => rmSync(join(ROOT, file), { force: true })
