// `npm run docs:overload -- FILE`: draws goodput under overload into docs/figures/overload.svg, from what
// `npm run bench -- --only overload --json FILE` has written.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setupOrExit } from './setup.mjs'
import { ROOT, say } from './shell.mjs'

const FIGURE = 'docs/figures/overload.svg'
const TITLE =
  'Goodput of three endpoints at two and four times what they can serve, callers who wait one second, in % of what could be served'
const ROW = 30
/** Between two subjects of one row. */
const SPREAD = 5
const SUBJECTS = [
  'fairlead, limit given',
  'fairlead, all defaults',
  'HAProxy',
  'undici BalancedPool',
  'undici Agent',
]

const [file] = process.argv.slice(2)
if (file === undefined || file.startsWith('-')) {
  say('Usage: npm run docs:overload -- FILE, of npm run bench -- --only overload --json FILE')
  process.exit(file === '--help' ? 0 : 2)
}
await setupOrExit()
const { draw } = await import('../dist/simulate/plots/draw.js')
const { FAINT, SERIES } = await import('../dist/simulate/plots/theme.js')
const { results } = JSON.parse(readFileSync(file, 'utf8'))
const points = results.flatMap(pointOf)
if (points.length === 0) {
  say(`${file} has no goodput in it`)
  process.exit(1)
}
writeFileSync(join(ROOT, FIGURE), await draw(specOf(points), TITLE))
say(`${FIGURE} is drawn: ${points.length} points`)

/** @param {{ name: string, engine: string | null, peer: string | null, value: number }} row */
function pointOf({ name, engine, peer, value }) {
  const match = /^(.+): goodput$/.exec(name)
  if (match === null) return []
  const isGiven = match[1].endsWith(', maxRequests given')
  const shape = match[1].replace(/, (defaults|maxRequests given)$/, '')
  const who = peer ?? (isGiven ? 'fairlead, limit given' : 'fairlead, all defaults')
  const hint = `${shape}: ${who}${engine === null ? '' : `, ${engine}`}: ${value.toFixed(1)}%`
  const offset = (SUBJECTS.indexOf(who) - (SUBJECTS.length - 1) / 2) * SPREAD
  return [{ shape, who, value, hint, offset }]
}

/** @param {{ shape: string, who: string, value: number, hint: string }[]} points */
function specOf(points) {
  const shapes = [...new Set(points.map(({ shape }) => shape))]
  return {
    width: 620,
    height: shapes.length * ROW,
    data: [
      { name: 'points', values: points },
      { name: 'aims', values: [90] },
    ],
    scales: [
      {
        name: 'x',
        type: 'linear',
        domain: [0, Math.max(105, ...points.map(({ value }) => value))],
        range: 'width',
      },
      { name: 'y', type: 'band', domain: shapes, range: 'height' },
      { name: 'colour', type: 'ordinal', domain: SUBJECTS, range: [...SERIES.colours, FAINT] },
      { name: 'shape', type: 'ordinal', domain: SUBJECTS, range: [...SERIES.shapes, 'cross'] },
    ],
    axes: [
      { scale: 'x', orient: 'bottom', grid: true, title: 'Goodput, % of what the endpoints can serve' },
      { scale: 'y', orient: 'left', domain: false, ticks: false },
    ],
    legends: [
      {
        stroke: 'colour',
        shape: 'shape',
        orient: 'top',
        direction: 'horizontal',
        symbolSize: 70,
        columns: 5,
      },
    ],
    marks: [
      {
        type: 'rule',
        from: { data: 'aims' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'data' },
            y: { value: 0 },
            y2: { signal: 'height' },
            stroke: { value: FAINT },
            strokeDash: { value: [4, 3] },
          },
        },
      },
      {
        type: 'symbol',
        from: { data: 'points' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'value' },
            // Side by side: at 0 they would hide each other.
            y: { scale: 'y', field: 'shape', band: 0.5, offset: { field: 'offset' } },
            shape: { scale: 'shape', field: 'who' },
            stroke: { scale: 'colour', field: 'who' },
            strokeWidth: { value: 1.5 },
            fill: { value: 'transparent' },
            size: { value: 45 },
            description: { field: 'hint' },
          },
        },
      },
    ],
  }
}
