// What became of the mutants: a table by area, the ones that survived, and all of it as JSON.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../shell.mjs'

/**
 * @typedef {import('./mutants.mjs').Mutant} Mutant
 * @typedef {{ area: string, mutant: Mutant } & import('./try-mutant.mjs').Trial} Result
 */

const REPORT = join(ROOT, '.cache/mutation/report.json')
/** Of the mutants, tests have to notice this share. */
const ENOUGH = 0.85

const isLost = (/** @type {Result} */ { fate }) => fate === 'survived' || fate === 'not reached'

/** @param {Mutant} mutant */
export function describe({ file, line, operator, was, text }) {
  const short = (/** @type {string} */ words) => {
    const flat = words.replace(/\s+/g, ' ')
    return flat.length > 60 ? `${flat.slice(0, 57)}...` : flat
  }
  return `${file}:${line}  ${operator}: ${short(was)}  ->  ${short(text)}`
}

/**
 * @param {Result[]} results
 * @returns {string[]}
 */
export function table(results) {
  const areas = [...new Set(results.map(({ area }) => area))]
  const row = (/** @type {string} */ name, /** @type {Result[]} */ some) => {
    const count = (/** @type {string} */ fate) => some.filter((one) => one.fate === fate).length
    const lost = some.filter(isLost).length
    const share = some.length === 0 ? '' : `${((100 * (some.length - lost)) / some.length).toFixed(0)} %`
    return [
      name,
      some.length,
      count('noticed'),
      count('too long'),
      count('by types'),
      count('survived'),
      count('not reached'),
      share,
    ].map(String)
  }
  const rows = [
    ['area', 'mutants', 'a test failed', 'time limit', 'types', 'survived', 'not reached', 'noticed'],
    ...areas.map((area) =>
      row(
        area,
        results.filter((one) => one.area === area),
      ),
    ),
    row('all', results),
  ]
  const widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? []
  return rows.map((cells) =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  )
}

/**
 * Prints the table and the survivors.
 * @param {Result[]} results
 * @param {{ controls: import('./try-mutant.mjs').Trial[], options: object }} run
 * @returns {boolean} whether enough was noticed
 */
export function report(results, { controls, options }) {
  const lost = results.filter(isLost)
  const alarms = controls.filter(({ fate }) => fate !== 'survived')
  mkdirSync(join(ROOT, '.cache/mutation'), { recursive: true })
  writeFileSync(REPORT, `${JSON.stringify({ options, results, controls }, undefined, 1)}\n`)
  for (const { mutant, fate, files, leftOut } of lost) {
    const seen = `${files} test files${leftOut > 0 ? `, ${leftOut} left out for their time` : ''}`
    console.log(`${fate}: ${describe(mutant)}  (${seen})`)
  }
  for (const { by } of alarms) console.log(`failed without any change: ${by}`)
  console.log(`\n${table(results).join('\n')}`)
  console.log(
    `\nwithout any change, ${alarms.length} of ${controls.length} runs failed; all of it is in ${REPORT}`,
  )
  return results.length > 0 && lost.length <= (1 - ENOUGH) * results.length
}

/** @returns {{ area: string, mutant: Mutant }[]} what survived the last run, for `--again` */
export function lastSurvivors() {
  /** @type {Result[]} */
  const results = JSON.parse(readFileSync(REPORT, 'utf8')).results
  return results.filter(isLost).map(({ area, mutant }) => ({ area, mutant }))
}
