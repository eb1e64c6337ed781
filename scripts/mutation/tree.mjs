// A copy of the tree to change: a run that is killed leaves no mutant in the tree that people work in.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { transformSync } from 'rolldown/utils'
import { ROOT } from '../shell.mjs'

const LEFT_OUT = new Set([
  '.git',
  '.cache',
  'node_modules',
  'build-native-tests',
  'build-bench',
  'build-bench-native',
])

export class Tree {
  /** The copy's folder. */
  root

  /** @param {string} name */
  constructor(name) {
    this.root = join(ROOT, '.cache/mutation', name)
    rmSync(this.root, { recursive: true, force: true })
    mkdirSync(this.root, { recursive: true })
    for (const entry of readdirSync(ROOT)) {
      if (!LEFT_OUT.has(entry)) cpSync(join(ROOT, entry), join(this.root, entry), { recursive: true })
    }
    symlinkSync(join(ROOT, 'node_modules'), join(this.root, 'node_modules'), 'junction')
    // As compiled alone: bundled, as set-up leaves it, it would have all of lib/ in it as it was.
    this.write('lib/index.ts', readFileSync(join(ROOT, 'lib/index.ts'), 'utf8'))
  }

  /**
   * Puts a text in the place of a file of lib/, and in the place of what was compiled from it: worker threads and
   * child processes of the tests load that.
   * @param {string} file
   * @param {string} text
   */
  write(file, text) {
    writeFileSync(join(this.root, file), text)
    const compiled = join(this.root, compiledFrom(file))
    if (!existsSync(dirname(compiled))) return
    const { code, errors } = transformSync(file, text, { target: 'es2023' })
    if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`)
    writeFileSync(compiled, code)
  }

  /** @param {string} file */
  restore(file) {
    for (const path of [file, compiledFrom(file)]) {
      if (existsSync(join(ROOT, path))) writeFileSync(join(this.root, path), readFileSync(join(ROOT, path)))
    }
  }

  remove() {
    rmSync(this.root, { recursive: true, force: true })
  }
}

const compiledFrom = (/** @type {string} */ file) => file.replace(/^lib\//, 'dist/').replace(/\.ts$/, '.js')
