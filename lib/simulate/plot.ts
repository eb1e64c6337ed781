import type { PolicyResult } from './results.js'
import { line, logTicks, rect, svg, text, timeLabel } from './svg.js'

const WIDTH = 820
const LEFT = 210
const RIGHT = 24
const ROW = 22
const GAP = 14
const TITLE = 34
const AXIS = 44
const BASELINE = 15

const QUANTILES = [
  { key: 'p50Ms', name: 'p50', colour: '#9ecae1' },
  { key: 'p90Ms', name: 'p90', colour: '#4292c6' },
  { key: 'p99Ms', name: 'p99', colour: '#08519c' },
  { key: 'p999Ms', name: 'p99.9', colour: '#d94801' },
] as const

/** Percentiles of latency by policy, on a logarithmic scale, as an SVG document. */
export function plotLatency(results: readonly PolicyResult[], title: string): string {
  const values = results
    .flatMap((result) => QUANTILES.map(({ key }) => result[key]))
    .filter((value) => value > 0)
  const { low, high, ticks } = logTicks(values)
  const span = Math.log(high / low)
  const x = (value: number) => LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(Math.max(value, low) / low)) / span
  const top = TITLE + BASELINE
  const bottom = top + results.length * (ROW + GAP)
  const parts = [text(LEFT, 22, title, 'title')]
  for (const tick of ticks) {
    parts.push(line(x(tick), top, x(tick), bottom, 'grid'))
    parts.push(text(x(tick), bottom + BASELINE, timeLabel(tick), 'tick middle'))
  }
  results.forEach((result, i) => {
    const y = top + i * (ROW + GAP) + GAP / 2
    const middle = y + ROW / 2
    parts.push(text(LEFT - 10, middle + 4, result.policy, 'label end'))
    if (Number.isNaN(result.p50Ms)) return
    parts.push(line(x(result.p50Ms), middle, x(result.p999Ms), middle, 'range'))
    for (const { key, name, colour } of QUANTILES) {
      const hint = `${result.policy}: ${name} ${timeLabel(result[key])}`
      parts.push(rect(x(result[key]) - 4, y + 3, 8, ROW - 6, colour, hint))
    }
  })
  QUANTILES.forEach(({ name, colour }, i) => {
    parts.push(rect(LEFT + i * 80, bottom + 26, 10, 10, colour, name))
    parts.push(text(LEFT + i * 80 + 16, bottom + 35, name, 'tick'))
  })
  return svg(WIDTH, bottom + AXIS, title, parts)
}

/** Share of the requests that each endpoint got, by policy, as an SVG document; a line marks equal shares. */
export function plotLoad(results: readonly PolicyResult[], title: string): string {
  const HEIGHT = 46
  const most = Math.max(...results.flatMap(({ endpoints }) => endpoints.map(({ share }) => share)))
  const top = TITLE + BASELINE
  const bottom = top + results.length * (HEIGHT + GAP)
  const parts = [text(LEFT, 22, title, 'title')]
  results.forEach(({ policy, endpoints, maxOverMean }, i) => {
    const base = top + i * (HEIGHT + GAP) + HEIGHT
    const width = (WIDTH - LEFT - RIGHT) / endpoints.length
    parts.push(text(LEFT - 10, base - HEIGHT / 2, policy, 'label end'))
    parts.push(text(LEFT - 10, base - HEIGHT / 2 + 15, `max/mean ${maxOverMean.toFixed(2)}`, 'tick end'))
    endpoints.forEach(({ id, share }, at) => {
      const height = most > 0 ? (HEIGHT * share) / most : 0
      const hint = `${policy}: ${id} ${(100 * share).toFixed(2)}%`
      parts.push(rect(LEFT + at * width, base - height, Math.max(0.5, width * 0.85), height, '#4292c6', hint))
    })
    const equal = base - HEIGHT / endpoints.length / most
    parts.push(line(LEFT, equal, WIDTH - RIGHT, equal, 'range'))
  })
  return svg(WIDTH, bottom + 10, title, parts)
}
