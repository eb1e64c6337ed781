/** Goodput over time: a row of bars a policy, with the offered load as a line above them. */
import type { Spec } from 'vega'
import type { PolicyResult } from '../results.js'
import { LEGEND, policyAxis, rowTitle } from './rows.js'
import { BLUE, FAINT, INK } from './theme.js'

const WIDTH = 620
const ROW = 110
const PLOT = 88
const MS_PER_S = 1_000
/** Shorter simulations have a scale in ms. */
const SHORT_MS = 2_000

const GOODPUT = 'answered within the deadline'
const OFFERED = 'offered'
const CAPACITY = 'what the endpoints can answer'
const NAMES = [GOODPUT, OFFERED, CAPACITY]
const DASHES = [4, 3]

export function goodputSpec(results: readonly PolicyResult[]): Spec {
  const rows = results.map((_, row) => row)
  const spanMs = Math.max(0, ...results.map(({ overTime }) => endOf(overTime)))
  const [unit, unitMs] = spanMs < SHORT_MS ? ['ms', 1] : ['s', MS_PER_S]
  const label = (ms: number) => String(Number((ms / unitMs).toPrecision(4)))
  const steps = results.flatMap(({ policy, overTime }, row) =>
    overTime.goodput.map((goodput, step) => {
      const fromMs = overTime.fromMs + step * overTime.stepMs
      const untilMs = fromMs + overTime.stepMs
      const offered = overTime.offered[step]
      const when = `${label(fromMs)} to ${label(untilMs)} ${unit}`
      const hint = `${policy}: ${when}: ${rate(goodput)} of ${rate(offered)} a second`
      return { row, from: fromMs / unitMs, until: untilMs / unitMs, goodput, offered, hint }
    }),
  )
  // A line of steps ends where the last one ends.
  const ends = steps.filter(({ row }, i) => steps[i + 1]?.row !== row)
  const line = [...steps, ...ends.map((step) => ({ ...step, from: step.until }))]
  const capacities = results.flatMap(({ goodput }, row) =>
    Number.isFinite(goodput.capacity) ? [{ row, capacity: goodput.capacity }] : [],
  )
  const most = Math.max(0, ...steps.flatMap(({ goodput, offered }) => [goodput, offered]))
  const top = Math.max(most, ...capacities.map(({ capacity }) => (capacity <= 2 * most ? capacity : 0)))
  const inSight = capacities.filter(({ capacity }) => capacity <= top)
  const at = (field: string) => ({ scale: 'perSecond', field })
  const height = (field: string) => ({
    scale: 'row',
    field: 'row',
    offset: { scale: 'perSecond', field, offset: (ROW - PLOT) / 2 },
  })
  return {
    width: WIDTH,
    height: Math.max(1, results.length) * ROW,
    signals: [{ name: 'policies', value: results.map((one) => [one.policy, ofCapacity(one)]) }],
    data: [
      { name: 'rows', values: rows.map((row) => ({ row })) },
      { name: 'steps', values: steps },
      { name: 'line', values: line },
      { name: 'capacities', values: inSight },
    ],
    scales: [
      { name: 'time', type: 'linear', domain: [0, spanMs / unitMs || 1], range: 'width' },
      { name: 'row', type: 'band', domain: rows, range: 'height' },
      { name: 'perSecond', type: 'linear', domain: [0, top || 1], range: [PLOT, 0], nice: true },
      { name: 'fill', type: 'ordinal', domain: NAMES, range: [BLUE, 'transparent', 'transparent'] },
      { name: 'stroke', type: 'ordinal', domain: NAMES, range: ['transparent', INK, FAINT] },
      { name: 'dash', type: 'ordinal', domain: NAMES, range: [[1, 0], [1, 0], DASHES] },
      { name: 'shape', type: 'ordinal', domain: NAMES, range: ['square', 'stroke', 'stroke'] },
    ],
    axes: [
      { scale: 'time', orient: 'bottom', title: `Time since the simulation began, ${unit}` },
      policyAxis('policies[datum.value]'),
      rowTitle('Requests a second', 48),
    ],
    legends: [LEGEND],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'bars', data: 'steps', groupby: 'row' } },
        encode: {
          enter: {
            y: { scale: 'row', field: 'row', offset: (ROW - PLOT) / 2 },
            width: { value: WIDTH },
            height: { value: PLOT },
          },
        },
        axes: [
          { scale: 'perSecond', orient: 'right', tickCount: 3, grid: true, domain: false, ticks: false },
        ],
        marks: [
          {
            type: 'rect',
            from: { data: 'bars' },
            encode: {
              enter: {
                x: { scale: 'time', field: 'from' },
                x2: { scale: 'time', field: 'until' },
                y: at('goodput'),
                y2: { scale: 'perSecond', value: 0 },
                fill: { value: BLUE },
                description: { field: 'hint' },
              },
            },
          },
        ],
      },
      {
        type: 'group',
        from: { facet: { name: 'asked', data: 'line', groupby: 'row' } },
        marks: [
          {
            type: 'line',
            from: { data: 'asked' },
            encode: {
              enter: {
                x: { scale: 'time', field: 'from' },
                y: height('offered'),
                interpolate: { value: 'step-after' },
                stroke: { value: INK },
                strokeWidth: { value: 1.5 },
              },
            },
          },
        ],
      },
      {
        type: 'rule',
        from: { data: 'capacities' },
        encode: {
          enter: {
            x: { value: 0 },
            x2: { value: WIDTH },
            y: height('capacity'),
            stroke: { value: FAINT },
            strokeDash: { value: DASHES },
          },
        },
      },
    ],
  }
}

const endOf = ({ fromMs, stepMs, goodput }: PolicyResult['overTime']): number =>
  fromMs + stepMs * goodput.length

const rate = (perSecond: number): string => String(Number(perSecond.toPrecision(3)))

const ofCapacity = ({ goodput }: PolicyResult): string => {
  if (Number.isNaN(goodput.perSecond)) return 'no request arrived'
  return Number.isNaN(goodput.ofCapacity)
    ? `${rate(goodput.perSecond)} a second`
    : `${(100 * goodput.ofCapacity).toFixed(1)}% of capacity`
}
