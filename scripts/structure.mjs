// `npm run structure [-- FOLDER]`: lines by area, the largest files and functions, and circles of imports in lib/, read
// from the code itself. FOLDER is the root of a tree; this one where it is left out.
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix, resolve } from 'node:path'
import { parseAst } from 'vitest/node'
import { ROOT } from './shell.mjs'

const LARGEST = 5

/** @typedef {{ readonly type: string, readonly start: number, readonly end: number, readonly [key: string]: any }} Node */
/** @typedef {{ readonly name: string, readonly lines: number }} Sized */

/** @param {string} root */
export function structureOf(root) {
  const lib = join(root, 'lib')
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts'))
  /** @type {Map<string, number>} */
  const areas = new Map()
  /** @type {Sized[]} */
  const sizes = []
  /** @type {Sized[]} */
  const functions = []
  /** @type {Map<string, string[]>} */
  const imports = new Map()
  for (const file of files) {
    const text = readFileSync(join(lib, file), 'utf8')
    const lines = text.split('\n').length - 1
    const area = file.includes('/') ? file.split('/', 1)[0] : '(files of lib itself)'
    areas.set(area, (areas.get(area) ?? 0) + lines)
    sizes.push({ name: file, lines })
    const program = /** @type {any} */ (parseAst(text, { lang: 'ts', sourceType: 'module' }))
    /** @type {string[]} */
    const targets = []
    visit(program, [], (node, names) => {
      const source = node.source?.value
      if (/^(Import|Export)/.test(node.type) && typeof source === 'string' && source.startsWith('.'))
        targets.push(posix.join(posix.dirname(file), source).replace(/\.js$/, '.ts'))
      if (/Function/.test(node.type) && node.body) {
        const length = text.slice(node.start, node.end).split('\n').length
        functions.push({ name: `${file}: ${names.join('.') || '(unnamed)'}`, lines: length })
      }
    })
    imports.set(file, targets)
  }
  return {
    files: files.length,
    lines: sizes.reduce((sum, { lines }) => sum + lines, 0),
    areas: [...areas].map(([name, lines]) => ({ name, lines })).sort(byLines),
    largestFiles: sizes.sort(byLines).slice(0, LARGEST),
    largestFunctions: functions.sort(byLines).slice(0, LARGEST),
    circles: circlesOf(imports),
  }
}

/**
 * @param {unknown} value
 * @param {readonly string[]} names
 * @param {(node: Node, names: readonly string[]) => void} see
 */
function visit(value, names, see) {
  if (Array.isArray(value)) for (const item of value) visit(item, names, see)
  if (typeof value !== 'object' || value === null || typeof (/** @type {any} */ (value).type) !== 'string')
    return
  const node = /** @type {Node} */ (value)
  const own = node.id?.name ?? node.key?.name
  const inside = typeof own === 'string' ? [...names, own] : names
  see(node, inside)
  for (const child of Object.values(node)) visit(child, inside, see)
}

/**
 * One line for each circle of files that import each other, types included.
 * @param {ReadonlyMap<string, readonly string[]>} imports by file
 */
export function circlesOf(imports) {
  /** @type {string[]} */
  const circles = []
  /** @type {Set<string>} */
  const done = new Set()
  /** @param {string} file @param {readonly string[]} trail */
  const follow = (file, trail) => {
    const at = trail.indexOf(file)
    if (at >= 0) {
      circles.push([...trail.slice(at), file].join(' -> '))
      return
    }
    if (done.has(file)) return
    for (const target of imports.get(file) ?? []) follow(target, [...trail, file])
    done.add(file)
  }
  for (const file of imports.keys()) follow(file, [])
  return circles
}

/** @param {Sized} one @param {Sized} other */
const byLines = (one, other) => other.lines - one.lines

if (process.argv[1] === import.meta.filename) {
  const [, , folder = ROOT] = process.argv
  if (folder === '--help') process.stdout.write('Usage: npm run structure [-- FOLDER]\n')
  else {
    const { files, lines, areas, largestFiles, largestFunctions, circles } = structureOf(resolve(folder))
    /** @param {string} title @param {readonly Sized[]} rows */
    const print = (title, rows) =>
      process.stdout.write(
        `\n${title}\n${rows.map((row) => `  ${String(row.lines).padStart(6)}  ${row.name}\n`).join('')}`,
      )
    process.stdout.write(`${files} files, ${lines} lines\n`)
    print('Lines by area', areas)
    print('Largest files', largestFiles)
    print('Largest functions', largestFunctions)
    process.stdout.write(
      `\nCircles of imports: ${circles.length}\n${circles.map((one) => `  ${one}\n`).join('')}`,
    )
  }
}
