import Table from 'cli-table3'
import { grouped } from '../../options/words.js'
import type { LatencyResult, PolicyResult } from '../../simulate/results.js'
import { timeLabel } from '../../simulate/time-label.js'

const PLAIN = { head: [], border: [] }

/** Latency and failures by policy, and how evenly the requests were spread; where it was too much, what came of that. */
export function tablesOf(title: string, results: readonly PolicyResult[]): string {
  const { engine, simulatedMs } = results[0]
  const tables = [
    `${title} (${engine} engine, ${timeLabel(simulatedMs)} of simulated time)`,
    latencyTable(results),
    'max/mean: requests of the busiest endpoint over the mean of all.',
  ]
  if (results.some(isOverloaded)) tables.push('', overloadTable(results), ...OVERLOAD_NOTES)
  if (results.some(({ tiers }) => tiers !== undefined)) tables.push('', tierTable(results))
  return `${tables.join('\n')}\n`
}

const OVERLOAD_NOTES = [
  'goodput: answered within the deadline, a second, and of what the endpoints can answer. waited: in the admission queue, of all requests;',
  'wait: of those that did. at once: most that waited at once.',
]

const isOverloaded = ({ timeouts, refused, queue }: PolicyResult): boolean =>
  timeouts + refused + queue.waited > 0

function latencyTable(results: readonly PolicyResult[]): string {
  const table = tableOf(['policy', 'requests', ...LATENCIES, 'errors', 'timeouts', 'refused', 'max/mean'])
  for (const result of results) {
    const { policy, requests, errors, timeouts, refused, maxOverMean } = result
    const counts = [errors, timeouts, refused].map(grouped)
    table.push([policy, grouped(requests), ...latencies(result), ...counts, decimals(maxOverMean)])
  }
  return table.toString()
}

function overloadTable(results: readonly PolicyResult[]): string {
  const table = tableOf([
    'policy',
    'goodput',
    'of capacity',
    'refused',
    'timeouts',
    'waited',
    'wait p50',
    'wait p99',
    'at once',
  ])
  for (const { policy, requests, goodput, refused, timeouts, queue } of results) {
    const share = (some: number) => perCent(some / requests)
    const waits = [queue.p50Ms, queue.p99Ms].map(time)
    table.push([
      policy,
      `${decimals(goodput.perSecond, 1)}/s`,
      perCent(goodput.ofCapacity),
      ...[refused, timeouts, queue.waited].map(share),
      ...waits,
      grouped(queue.most),
    ])
  }
  return table.toString()
}

function tierTable(results: readonly PolicyResult[]): string {
  const table = tableOf(['policy', 'tier', 'requests', 'answered', ...LATENCIES])
  for (const { policy, tiers = [] } of results) {
    for (const tier of tiers) {
      const counts = [grouped(tier.requests), perCent(tier.answeredShare)]
      table.push([policy, String(tier.tier), ...counts, ...latencies(tier)])
    }
  }
  return table.toString()
}

const LATENCIES = ['mean', 'p50', 'p90', 'p99', 'p99.9']
const latencies = ({ meanMs, p50Ms, p90Ms, p99Ms, p999Ms }: LatencyResult): string[] =>
  [meanMs, p50Ms, p90Ms, p99Ms, p999Ms].map(time)

const tableOf = (head: string[]) =>
  new Table({ head, colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')), style: PLAIN })

const time = (ms: number): string => (Number.isNaN(ms) ? '-' : timeLabel(ms))
const decimals = (value: number, digits = 2): string => (Number.isNaN(value) ? '-' : value.toFixed(digits))
const perCent = (share: number): string => (Number.isNaN(share) ? '-' : `${(100 * share).toFixed(1)}%`)
