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
  return markdown(head, rows)
}

/** @param {import('../dist/simulate/index.js').SimulationConfig} config */
function hangOf({ endpoints }) {
  const singles = endpoints.flatMap((one) => Array.from({ length: one.count ?? 1 }, () => one))
  const position = singles.findIndex(({ incidents = [] }) => incidents.some(({ fail }) => fail === 'hang'))
  const { fromMs, untilMs } = singles[position]?.incidents.find(({ fail }) => fail === 'hang') ?? {}
  return position < 0 ? undefined : { position, fromMs, untilMs }
}

const perCent = (share) => (share === 0 ? '0' : `${(100 * share).toFixed(share < 0.1 ? 2 : 1)}%`)

/**
 * @param {import('../dist/simulate/index.js').PolicyResult[]} results
 * @param {NonNullable<ReturnType<typeof hangOf>>} hang
 */
function hangTable(results, { position, fromMs, untilMs }) {
  const head = ['policy', 'picks there, 1 s to 10 s', 'after 10 s', 'gave up', 'longest wait', 'p50', 'p99']
  const rows = results.map((one) => {
    const [soon, late] = [
      one.sharesBetween(fromMs + 1_000, fromMs + 10_000),
      one.sharesBetween(fromMs + 10_000, untilMs),
    ]
    const during = one.between(fromMs, untilMs)
    return [
      one.policy,
      perCent(soon[position]),
      perCent(late[position]),
      perCent(during.timeouts / during.requests),
      ...[during.maxMs, during.p50Ms, during.p99Ms].map(timeLabel),
    ]
  })
  return markdown(head, rows)
}

const markdown = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

let page = readFileSync(PAGE, 'utf8')
// With names behind the command only those.
const wanted = process.argv.slice(2)
for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'))) {
  if (wanted.length > 0 && !wanted.includes(file.replace('.yaml', ''))) continue
  const name = file.replace('.yaml', '')
  const begun = performance.now()
  const config = parse(readFileSync(join(FOLDER, file), 'utf8'))
  const results = await simulate(config)
  writeFileSync(join(FOLDER, `${name}-latency.svg`), await plotLatency(results, config.title))
  writeFileSync(
    join(FOLDER, `${name}-load.svg`),
    await plotLoad(results, `${config.title}: requests by endpoint`),
  )
  const marks = new RegExp(`(<!-- figures: ${name} -->\n).*?(<!-- end -->)`, 's')
  if (!marks.test(page))
    throw new Error(`docs/policies.md has no place for ${name}: <!-- figures: ${name} --> ... <!-- end -->`)
  const hang = hangOf(config)
  const made = hang === undefined ? table(results) : hangTable(results, hang)
  page = page.replace(marks, (_, begin, end) => `${begin}\n${made}\n\n${end}`)
  say(`${name}: ${results.length} policies in ${secondsSince(begun)}`)
}
writeFileSync(PAGE, page)
