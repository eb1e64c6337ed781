import Table from 'cli-table3'
import { grouped } from '../../options/words.js'
import type { PolicyResult } from '../../simulate/results.js'
import { timeLabel } from '../../simulate/time-label.js'

const PLAIN = { head: [], border: [] }

/** Latency and failures by policy, and how evenly the requests were spread. */
export function tablesOf(title: string, results: readonly PolicyResult[]): string {
  const head = [
    'policy',
    'requests',
    'mean',
    'p50',
    'p90',
    'p99',
    'p99.9',
    'errors',
    'timeouts',
    'refused',
    'max/mean',
  ]
  const table = new Table({
    head,
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: PLAIN,
  })
  for (const result of results) {
    const { policy, requests, meanMs, p50Ms, p90Ms, p99Ms, p999Ms, errors, timeouts, refused } = result
    const times = [meanMs, p50Ms, p90Ms, p99Ms, p999Ms].map((ms) => (Number.isNaN(ms) ? '-' : timeLabel(ms)))
    const counts = [errors, timeouts, refused].map(grouped)
    const spread = Number.isNaN(result.maxOverMean) ? '-' : result.maxOverMean.toFixed(2)
    table.push([policy, grouped(requests), ...times, ...counts, spread])
  }
  const { engine, simulatedMs } = results[0]
  const span = `${engine} engine, ${timeLabel(simulatedMs)} of simulated time`
  return `${title} (${span})\n${table.toString()}\nmax/mean: requests of the busiest endpoint over the mean of all.\n`
}
