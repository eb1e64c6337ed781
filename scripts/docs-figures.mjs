// `npm run docs:figures`: runs every simulation of docs/figures, writes its plots beside it, and its table into
// docs/policies.md, between the marks that name it. One seed gives the same files on every machine.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { setupOrExit } from './setup.mjs'
import { ROOT, say, secondsSince } from './shell.mjs'

await setupOrExit()
const { plotLatency, plotLoad, simulate, timeLabel } = await import('../dist/simulate/index.js')
const FOLDER = join(ROOT, 'docs/figures')
const PAGE = join(ROOT, 'docs/policies.md')

/** @param {import('../dist/simulate/index.js').PolicyResult[]} results */
function table(results) {
  const head = ['policy', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'not answered in time', 'max/mean']
  const rows = results.map((one) => [
    one.policy,
    ...[one.meanMs, one.p50Ms, one.p90Ms, one.p99Ms, one.p999Ms].map(timeLabel),
    one.timeouts === 0 ? '0' : `${((100 * one.timeouts) / one.requests).toFixed(2)}%`,
    one.maxOverMean.toFixed(2),
  ])
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

let page = readFileSync(PAGE, 'utf8')
for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))) {
  const name = file.replace('.yaml', '')
  const begun = performance.now()
  const config = parse(readFileSync(join(FOLDER, file), 'utf8'))
  const results = await simulate(config)
  writeFileSync(join(FOLDER, `${name}-latency.svg`), plotLatency(results, config.title))
  writeFileSync(join(FOLDER, `${name}-load.svg`), plotLoad(results, `${config.title}: requests by endpoint`))
  const marks = new RegExp(`(<!-- figures: ${name} -->\n).*?(<!-- end -->)`, 's')
  if (!marks.test(page))
    throw new Error(`docs/policies.md has no place for ${name}: <!-- figures: ${name} --> ... <!-- end -->`)
  page = page.replace(marks, (_, begin, end) => `${begin}\n${table(results)}\n\n${end}`)
  say(`${name}: ${results.length} policies in ${secondsSince(begun)}`)
}
writeFileSync(PAGE, page)
