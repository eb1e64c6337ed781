// Which test file reaches what, and how long it takes: measured once for each state of lib/, and kept.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, say } from '../shell.mjs'
import { digest, filesBelow } from '../stamp.mjs'
import { OTHER_TESTS } from './areas.mjs'
import { NOTES, withNotes } from './blocks.mjs'
import { inParallel } from './parallel.mjs'
import { runTests } from './run-tests.mjs'
import { Tree } from './tree.mjs'

/** @typedef {{ key: string, result: string, seconds: number, reached: Record<string, number[]> }} TestFile */

/** A test file that takes longer is no use here: mutants are tried by the hundred. */
const LONGEST_MS = 90_000
/**
 * @param {Map<string, string>} areas the files of lib/ that matter
 * @param {{ engine: string, jobs: number, pauseFile: string }} options
 * @returns {Promise<{ tests: Map<string, TestFile>, blocks: Map<string, import('./blocks.mjs').Block[]> }>}
 */
export async function measureReach(areas, { engine, jobs, pauseFile }) {
  const noted = new Map(
    [...areas.keys()].map((file) => [file, withNotes(file, readFileSync(join(ROOT, file), 'utf8'))]),
  )
  const blocks = new Map([...noted].map(([file, one]) => [file, one.blocks]))
  const path = join(ROOT, `.cache/mutation/reach-${engine}.json`)
  /** @type {Record<string, TestFile>} */
  const kept = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  // What the tests share is left out: it changes often, and hardly what they reach.
  const surroundings = digest(['lib', 'package-lock.json'], [engine])
  const files = filesBelow(['test']).filter(
    (file) => file.endsWith('.test.ts') && !OTHER_TESTS.some((other) => file.startsWith(other)),
  )
  const keys = new Map(files.map((file) => [file, digest([file], [surroundings])]))
  const stale = files.filter((file) => kept[file]?.key !== keys.get(file))
  if (stale.length > 0) say(`mutation: what ${stale.length} of ${files.length} test files reach`)

  let done = 0
  await inParallel(stale, { lanes: jobs, pauseFile }, async (lane) => {
    const tree = new Tree(`reach-${lane}`)
    for (const [file, { text }] of noted) tree.write(file, text)
    return {
      async each(file) {
        const notes = join(tree.root, 'notes.txt')
        rmSync(notes, { force: true })
        const env = { [NOTES]: notes }
        const { result, seconds } = await runTests(tree, [file], {
          engine,
          limitMs: LONGEST_MS,
          bail: 0,
          env,
        })
        kept[file] = { key: keys.get(file) ?? '', result, seconds, reached: read(notes) }
        say(`  ${++done}/${stale.length} ${file}: ${result}, ${seconds.toFixed(1)} s`)
        mkdirSync(join(ROOT, '.cache/mutation'), { recursive: true })
        writeFileSync(path, JSON.stringify(kept))
      },
      end: () => tree.remove(),
    }
  })
  return { tests: new Map(files.map((file) => [file, /** @type {TestFile} */ (kept[file])])), blocks }
}

/** @param {string} notes */
function read(notes) {
  /** @type {Record<string, number[]>} */
  const reached = {}
  if (!existsSync(notes)) return reached
  for (const line of new Set(readFileSync(notes, 'utf8').split('\n'))) {
    const [file, id] = line.split(' ')
    if (file && id) (reached[file] ??= []).push(Number(id))
  }
  return reached
}
