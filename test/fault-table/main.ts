/** `npm run test:faults`: real faults at real servers, with all defaults, on both engines. One table. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseOptions, type RunOptions } from './arguments.js'
import { monotonicMs } from './clock.js'
import { pageOf } from './parent/page.js'
import type { Engine } from './parent/run-row.js'
import { runAll } from './parent/schedule.js'
import { lineOf, tableOf } from './parent/table.js'

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

const { rows, engines, atOnce, write } = options()
say(`${rows.length} rows on ${engines.join(' and ')}, ${atOnce} at once`)
const begun = monotonicMs()
const results = await runAll(rows, engines, atOnce, (result) => say(lineOf(result)))
console.log(`\n${tableOf(results)}\n`)
if (write) {
  writeFileSync(PAGE, pageOf(results, (monotonicMs() - begun) / MS_PER_MINUTE))
  say('docs/faults.md is written')
}
const failed = results.filter(({ faults }) => faults.length > 0).length
process.exitCode = failed > 0 ? 1 : 0
console.log(`${results.length - failed} passed, ${failed} failed`)
