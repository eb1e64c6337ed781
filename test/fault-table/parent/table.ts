/** The table, as Markdown. */
import { type Counts, type Figures, sum } from './figures.js'
import { endpointCount, type Result } from './schedule.js'

const MS_PER_SECOND = 1_000

const HEAD = [
  'fault',
  'protocol',
  'faulty',
  'engine',
  'sent',
  'saved',
  'GETs failed',
  'GETs hung',
  'POSTs failed',
  'POSTs hung',
  'broken after the headers',
  '500, 429',
  'sent twice',
  'share of picks',
  'detected after',
  'back after',
  'longest wait',
  'holds',
]

export function tableOf(results: readonly Result[]): string {
  const rows = results.map((result) => [...identity(result), ...cells(result), holds(result)])
  return [HEAD, HEAD.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}

/** The cells that tell one row from another. */
export const identity = ({ row, engine }: Result): string[] => [
  row.name,
  row.protocol,
  row.apart ? 'client' : `${row.faulty} of ${endpointCount}`,
  engine,
]

function cells({ row, figures }: Result): string[] {
  const measured = HEAD.length - identity({ row } as Result).length - 1
  if (figures === undefined) return Array(measured).fill('')
  return [
    figures.sent,
    figures.saved,
    countsText(figures.getsFailed),
    figures.getsHung,
    countsText(figures.postsFailed),
    figures.postsHung,
    countsText(figures.broken),
    countsText(figures.refusals),
    figures.sentTwice.length,
    row.apart ? '' : `${Math.round(100 * figures.faultyShare)}%`,
    row.apart ? '' : seconds(figures.detectedMs),
    seconds(figures.backMs),
    seconds(figures.longestMs),
  ].map(String)
}

const holds = ({ row, faults }: Result): string =>
  faults.length > 0 ? '**no**' : row.apart ? 'apart' : 'yes'

const countsText = (counts: Counts): string =>
  sum(counts) === 0
    ? '0'
    : Object.entries(counts)
        .map(([code, count]) => `${count} ${code}`)
        .join(', ')

export const seconds = (ms: number | undefined): string =>
  ms === undefined ? 'never' : `${(ms / MS_PER_SECOND).toFixed(2)} s`

/** A row's name in sentences. */
export const nameOf = ({ row, engine }: Result): string =>
  `${row.name} (${row.apart ? 'client' : `${row.faulty} of ${endpointCount}`}, ${engine})`

/** For the progress of a run. */
export function lineOf(result: Result): string {
  const { figures, faults, starved } = result
  const verdict = faults.length === 0 ? 'ok  ' : 'FAIL'
  const lines = [`${verdict}  ${nameOf(result)}${figures === undefined ? '' : `: ${summary(figures)}`}`]
  if (faults.length > 0 && starved) lines.push('      on a machine that was too busy for it')
  return [...lines, ...faults.map((fault) => `      ${fault}`)].join('\n')
}

const summary = (figures: Figures): string =>
  `${figures.sent} sent, ${figures.saved} saved, detected after ${seconds(figures.detectedMs)}, back after ${seconds(figures.backMs)}`
