/** What is told of a run. */
import type { Played } from './play.js'

const MS_PER_SECOND = 1_000
const HEAD = ['scenario', 'requests', 'failed', 'slowest request', 'recovery', 'holds']

export function tableOf(all: readonly Played[]): string {
  const rows = all.map(({ scenario, requests, failed, slowestMs, measures, faults }) => [
    scenario.name,
    String(requests),
    String(failed),
    seconds(slowestMs),
    measures.map(({ what, ms }) => `${what}: ${seconds(ms)}`).join('; '),
    faults.length === 0 ? 'yes' : '**no**',
  ])
  return [HEAD, HEAD.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** For the progress of a run. */
export function lineOf({ scenario, requests, failed, measures, faults, tookMs }: Played): string {
  const verdict = faults.length === 0 ? 'ok  ' : 'FAIL'
  const measured = measures.map(({ what, ms }) => `, ${what}: ${seconds(ms)}`).join('')
  const line = `${verdict}  ${scenario.name}: ${requests} requests, ${failed} failed${measured} (${seconds(tookMs)})`
  return [line, ...faults.map((fault) => `      ${fault}`)].join('\n')
}

export const seconds = (ms: number): string => `${(ms / MS_PER_SECOND).toFixed(2)} s`
