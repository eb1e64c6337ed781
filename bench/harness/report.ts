import Table from 'cli-table3'
import type { Machine } from './machine.js'
import type { Result } from './result.js'

/** What was run on, in a few lines. */
export function heading(machine: Machine, engineLine: string): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
  return [
    `machine   ${machine.cpu}, ${machine.cores} cores, ${machine.memoryMiB} MiB, ${machine.os} ${machine.arch}`,
    `load      ${machine.load.join(', ')} at the start (1, 5, 15 minutes)`,
    `node      ${machine.node}, V8 ${machine.v8}`,
    `engine    ${engineLine}`,
    `versions  ${versions.join(', ')}`,
  ].join('\n')
}

const NO_BORDER = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const

/** The closing table, a section a suite. */
export function table(results: readonly Result[]): string {
  const sections: string[] = []
  for (const suite of new Set(results.map((row) => row.suite))) {
    const rows = new Table({
      head: ['what', 'engine', 'against / peer', 'median', 'p5', 'p95', 'unit', 'ratio', 'target'],
      colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'left', 'right', 'left'],
      chars: { ...NO_BORDER },
      style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    })
    for (const row of results) if (row.suite === suite) rows.push(cells(row))
    sections.push(`\n${suite}\n${rows.toString()}`)
  }
  return sections.join('\n')
}

function cells(row: Result): string[] {
  const met = row.met === null ? '' : row.met ? ', met' : ', MISSED'
  return [
    row.name,
    row.engine ?? '',
    row.peer ?? '',
    number(row.value),
    number(row.p5),
    number(row.p95),
    row.unit,
    row.ratio === null ? '' : row.ratio.toPrecision(3),
    row.target === null ? '' : `${row.target}${met}`,
  ]
}

/** Three significant digits, whole from 100 on; null: it never happened. */
function number(value: number | null): string {
  if (value === null) return 'never'
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en-US')
    : String(Number(value.toPrecision(3)))
}
