/** `npm run bench`: runs the suites, prints what they ran on first and a table at the end. */
import { writeFileSync } from 'node:fs'
import { engine } from 'fairlead'
import { type Arguments, parseArguments, UsageError } from './harness/arguments.js'
import { describeMachine } from './harness/machine.js'
import { createProgress } from './harness/progress.js'
import { heading, table } from './harness/report.js'
import type { EngineKind, Result } from './harness/result.js'
import { SUITES } from './suites.js'

const EXIT_USAGE = 2

const help = (): string => `Usage: npm run bench -- [options]

  --only SUITE   run this suite only; may be repeated, or name several: --only load,pick
  --quick        fewer and shorter rounds: shows that everything runs, not figures to quote
  --json FILE    write the results to FILE as JSON
  --help         show this

Suites:
${SUITES.map(({ name, about }) => `  ${name.padEnd(13)}  ${about}`).join('\n')}

FAIRLEAD_ENGINE=native or fallback measures that engine alone; otherwise both run.
`

/** Both where there are both, unless one was asked for. */
function enginesToMeasure(): EngineKind[] {
  const wanted = process.env['FAIRLEAD_ENGINE']
  if (wanted === 'native' || wanted === 'fallback') return [wanted]
  return engine.kind === 'native' ? ['native', 'fallback'] : ['fallback']
}

async function main({ quick, only, json }: Arguments): Promise<void> {
  const machine = describeMachine()
  const engines = enginesToMeasure()
  const without = engine.kind === 'native' ? '' : `: ${engine.reason}`
  console.log(heading(machine, `${engines.join(' and ')}${without}`))
  if (quick) console.log('quick     few and short rounds: not figures to quote')

  const progress = createProgress()
  const results: Result[] = []
  const begun = performance.now()
  for (const suite of SUITES) {
    if (only.length > 0 && !only.includes(suite.name)) continue
    const suiteBegun = performance.now()
    progress.note(`\n== ${suite.name}: ${suite.about}`)
    results.push(...(await suite.run({ quick, engines, ...progress })))
    progress.note(`== ${suite.name}: ${seconds(suiteBegun)} s`)
  }
  progress.clear()
  console.log(table(results))
  if (json !== undefined) {
    const report = {
      date: new Date().toISOString(),
      seconds: seconds(begun),
      quick,
      machine,
      engine: { kind: engine.kind, reason: engine.reason ?? null },
      results,
    }
    writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`)
  }
}

const seconds = (since: number): number => Math.round((performance.now() - since) / 1000)

try {
  const parsed = parseArguments(
    process.argv.slice(2),
    SUITES.map(({ name }) => name),
  )
  if (parsed.help) process.stdout.write(help())
  else await main(parsed)
} catch (error) {
  const usage = error instanceof UsageError
  console.error(usage ? `bench: ${error.message}` : error)
  process.exitCode = usage ? EXIT_USAGE : 1
}
