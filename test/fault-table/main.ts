/** `npm run test:faults`: real faults at real servers, with all defaults, on both engines. One table. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseOptions, type RunOptions } from './arguments.js'
import { monotonicMs } from './clock.js'
import { checkAgainst, knownOf } from './parent/known.js'
import { pageOf } from './parent/page.js'
import type { Engine } from './parent/run-row.js'
import { type Result, runAll } from './parent/schedule.js'
import { lineOf, nameOf, tableOf } from './parent/table.js'

/** From the compiled file, in .cache/fault-table. */
const PAGE = join(import.meta.dirname, '../../docs/faults.md')
const MS_PER_MINUTE = 60_000

const say = (line: string): void => void process.stderr.write(`${line}\n`)

// Ends the children, too: see `Child`.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1))

function options(): RunOptions {
  const available = (process.env.FAIRLEAD_FAULTS_ENGINES ?? 'native,fallback').split(',') as Engine[]
  try {
    return parseOptions(process.argv.slice(2), available)
  } catch (error) {
    say(`test:faults: ${(error as Error).message}`)
    process.exit(2)
  }
}

/** The counts of a run: every row that does not hold has failed. */
function count(results: readonly Result[]): { passed: number; failed: number } {
  const failed = results.filter(({ faults }) => faults.length > 0).length
  return { passed: results.length - failed, failed }
}

/** In a check, a row that should hold and does not is run once more, alone: what fails twice has failed. */
async function repeated(results: readonly Result[]): Promise<Result[]> {
  const { failed } = checkAgainst(knownOf(readFileSync(PAGE, 'utf8')), results)
  const second = new Map<Result, Result>()
  for (const result of failed) {
    say(`once more, alone: ${nameOf(result)}`)
    const [again] = await runAll([result.row], [result.engine], 1, (one) => say(lineOf(one)))
    second.set(result, again)
  }
  return results.map((result) => second.get(result) ?? result)
}

/** The counts where docs/faults.md says which rows hold. A row that is known not to hold is told, and is in neither count. */
function countChecked(results: readonly Result[]): { passed: number; failed: number } {
  const { passed, failed, asKnown, better } = checkAgainst(knownOf(readFileSync(PAGE, 'utf8')), results)
  for (const result of asKnown) say(`does not hold, as docs/faults.md says: ${nameOf(result)}`)
  for (const result of better) say(`holds, and docs/faults.md says that it does not: ${nameOf(result)}`)
  for (const result of failed) say(`does not hold, and docs/faults.md says nothing of it: ${nameOf(result)}`)
  return { passed: passed.length, failed: failed.length }
}

const { rows, engines, atOnce, write, check } = options()
// Before ten minutes of work: whether there is a table at all.
if (check) knownOf(readFileSync(PAGE, 'utf8'))
say(`${rows.length} rows on ${engines.join(' and ')}, ${atOnce} at once`)
const begun = monotonicMs()
const first = await runAll(rows, engines, atOnce, (result) => say(lineOf(result)))
const results = check ? await repeated(first) : first
console.log(`\n${tableOf(results)}\n`)
if (write) {
  writeFileSync(PAGE, pageOf(results, (monotonicMs() - begun) / MS_PER_MINUTE))
  say('docs/faults.md is written')
}
const { passed, failed } = check ? countChecked(results) : count(results)
process.exitCode = failed > 0 ? 1 : 0
console.log(`${passed} passed, ${failed} failed`)
