/** Percentiles of latency by policy: a row a policy, a lane of the row a percentile, so that equal ones show. */
import type { Spec } from 'vega'
import type { PolicyResult } from '../results.js'
import { timeLabel } from '../time-label.js'
import { logScale } from './log-scale.js'
import { FAINT, GRID, INK, labels, SERIES } from './theme.js'

const WIDTH = 620
const ROW = 44
const LANE = 9
/** Area of a mark, in square pixels. */
const MARK = 75

const PERCENTILES = [
  { key: 'p50Ms', name: 'p50' },
  { key: 'p90Ms', name: 'p90' },
  { key: 'p99Ms', name: 'p99' },
  { key: 'p999Ms', name: 'p99.9' },
] as const

const NAMES = PERCENTILES.map(({ name }) => name)

/** A time, as Vega writes it beside the scale. */
const TIMES =
  "datum.value < 1000 ? format(datum.value, '~r') + ' ms' : format(datum.value / 1000, '~r') + ' s'"

/** Where the lane of a percentile is in its row, in pixels. */
const lane = (at: number): number => ROW / 2 + LANE * (at - (PERCENTILES.length - 1) / 2)

export function latencySpec(results: readonly PolicyResult[]): Spec {
  const answered = results
    .map((result, row) => ({ ...result, row }))
    .filter(({ p50Ms }) => !Number.isNaN(p50Ms))
  const { low, high, ticks } = logScale(answered.flatMap((one) => PERCENTILES.map(({ key }) => one[key])))
  const points = answered.flatMap((one) =>
    PERCENTILES.map(({ key, name }, at) => ({
      row: one.row,
      name,
      // A logarithmic scale has no zero.
      ms: Math.max(one[key], low),
      before: Math.max(one[PERCENTILES[Math.max(at - 1, 0)].key], low),
      lane: lane(at),
      laneBefore: lane(Math.max(at - 1, 0)),
      hint: `${one.policy}: ${name} ${timeLabel(one[key])}`,
    })),
  )
  const silent = results.flatMap(({ p50Ms }, row) => (Number.isNaN(p50Ms) ? [{ row }] : []))
  const x = (field: string) => ({ scale: 'ms', field })
  const y = (field: string) => ({ scale: 'row', field: 'row', offset: { field } })
  return {
    width: WIDTH,
    height: Math.max(1, results.length) * ROW,
    signals: [{ name: 'policies', value: results.map(({ policy }) => policy) }],
    data: [
      { name: 'rows', values: results.map((_, row) => ({ row })) },
      { name: 'points', values: points },
      { name: 'silent', values: silent },
    ],
    scales: [
      { name: 'ms', type: 'log', domain: [low, high], range: 'width' },
      { name: 'row', type: 'band', domain: results.map((_, row) => row), range: 'height' },
      { name: 'colour', type: 'ordinal', domain: NAMES, range: [...SERIES.colours] },
      { name: 'shape', type: 'ordinal', domain: NAMES, range: [...SERIES.shapes] },
    ],
    axes: [
      {
        scale: 'ms',
        orient: 'bottom',
        title: 'Latency in ms and s, from arrival to answer (logarithmic scale)',
        values: ticks,
        grid: true,
        encode: labels(TIMES),
        labelFlush: false,
      },
      {
        scale: 'row',
        orient: 'left',
        ticks: false,
        title: 'Policy',
        description: 'Policies',
        labelColor: INK,
        encode: labels('policies[datum.value]'),
      },
    ],
    legends: [
      {
        fill: 'colour',
        shape: 'shape',
        orient: 'top',
        direction: 'horizontal',
        title: 'Percentile',
        titleOrient: 'left',
        symbolSize: MARK,
        symbolStrokeWidth: 0,
      },
    ],
    marks: [
      {
        type: 'rule',
        from: { data: 'rows' },
        encode: {
          enter: {
            x: { value: 0 },
            x2: { value: WIDTH },
            y: { scale: 'row', field: 'row' },
            stroke: { value: GRID },
          },
        },
      },
      {
        type: 'rule',
        from: { data: 'points' },
        encode: {
          enter: {
            x: x('before'),
            x2: x('ms'),
            y: y('laneBefore'),
            y2: y('lane'),
            stroke: { value: FAINT },
            strokeOpacity: { value: 0.6 },
          },
        },
      },
      {
        type: 'symbol',
        from: { data: 'points' },
        encode: {
          enter: {
            x: x('ms'),
            y: y('lane'),
            size: { value: MARK },
            shape: { scale: 'shape', field: 'name' },
            fill: { scale: 'colour', field: 'name' },
            description: { field: 'hint' },
          },
        },
      },
      {
        type: 'text',
        style: 'label',
        from: { data: 'silent' },
        encode: {
          enter: {
            x: { value: 8 },
            y: { scale: 'row', field: 'row', offset: ROW / 2 },
            baseline: { value: 'middle' },
            fill: { value: FAINT },
            text: { value: 'no request was answered' },
          },
        },
      },
    ],
  }
}
