/** The share of the requests that each endpoint got: a row of bars a policy, a column an endpoint. */
import type { Spec } from 'vega'
import type { PolicyResult } from '../results.js'
import { LEGEND, policyAxis, rowTitle } from './rows.js'
import { BLUE, INK, labels } from './theme.js'

const WIDTH = 620
const ROW = 60
const BARS = 44
/** A digit of an axis label, in pixels. */
const LETTER = 7
/** Room for one line of turned names. Where there are more bars the plot grows. */
const NARROWEST = 14

const BAR = 'requests sent to one endpoint'
const EQUAL = 'what each would get in equal shares'
const DASHES = [4, 3]

export function loadSpec(results: readonly PolicyResult[]): Spec {
  const rows = results.map((_, row) => row)
  const bars = results.flatMap(({ policy, endpoints }, row) =>
    endpoints.map(({ id, share }, at) => ({
      row,
      at,
      share,
      hint: `${policy}: ${id} ${(100 * share).toFixed(2)}%`,
    })),
  )
  const names = (results[0]?.endpoints ?? []).map(({ id }) => id)
  const width = Math.max(WIDTH, names.length * NARROWEST)
  const turned = Math.max(...names.map((id) => (id.length + 1) * LETTER)) > width / names.length
  const most = Math.max(0, ...bars.map(({ share }) => share))
  const nameAxis = {
    scale: 'endpoint',
    encode: labels('names[datum.value]'),
    ...(turned ? { labelAngle: -90, labelBaseline: 'middle' as const } : {}),
    domain: false,
    ticks: false,
  } as const
  return {
    width,
    height: Math.max(1, results.length) * ROW,
    signals: [
      { name: 'names', value: names },
      { name: 'policies', value: results.map(({ policy, maxOverMean }) => [policy, spread(maxOverMean)]) },
    ],
    data: [
      { name: 'rows', values: results.map(({ endpoints }, row) => ({ row, equal: 1 / endpoints.length })) },
      { name: 'bars', values: bars },
    ],
    scales: [
      { name: 'endpoint', type: 'band', domain: names.map((_, at) => at), range: 'width', padding: 0.15 },
      { name: 'row', type: 'band', domain: rows, range: 'height' },
      { name: 'share', type: 'linear', domain: [0, most || 1], range: [BARS, 0] },
      { name: 'fill', type: 'ordinal', domain: [BAR, EQUAL], range: [BLUE, 'transparent'] },
      { name: 'stroke', type: 'ordinal', domain: [BAR, EQUAL], range: ['transparent', INK] },
      { name: 'dash', type: 'ordinal', domain: [BAR, EQUAL], range: [[1, 0], DASHES] },
      { name: 'shape', type: 'ordinal', domain: [BAR, EQUAL], range: ['square', 'stroke'] },
    ],
    axes: [
      {
        ...nameAxis,
        orient: 'bottom',
        ...(turned ? { labelAlign: 'right' } : {}),
        title: 'Endpoint',
        description: 'Endpoints',
      },
      { ...nameAxis, orient: 'top', ...(turned ? { labelAlign: 'left' } : {}), aria: false },
      policyAxis('policies[datum.value]'),
      rowTitle('Share of requests, %', 40),
    ],
    legends: [LEGEND],
    marks: [
      {
        type: 'group',
        from: { facet: { name: 'sent', data: 'bars', groupby: 'row' } },
        encode: {
          enter: {
            y: { scale: 'row', field: 'row', offset: (ROW - BARS) / 2 },
            width: { value: width },
            height: { value: BARS },
          },
        },
        axes: [
          {
            scale: 'share',
            orient: 'right',
            format: '~%',
            tickCount: 2,
            grid: true,
            domain: false,
            ticks: false,
          },
        ],
        marks: [
          {
            type: 'rect',
            from: { data: 'sent' },
            encode: {
              enter: {
                x: { scale: 'endpoint', field: 'at' },
                width: { scale: 'endpoint', band: 1 },
                y: { scale: 'share', field: 'share' },
                y2: { scale: 'share', value: 0 },
                fill: { value: BLUE },
                description: { field: 'hint' },
              },
            },
          },
        ],
      },
      {
        type: 'rule',
        from: { data: 'rows' },
        encode: {
          enter: {
            x: { value: 0 },
            x2: { value: width },
            y: {
              scale: 'row',
              field: 'row',
              offset: { scale: 'share', field: 'equal', offset: (ROW - BARS) / 2 },
            },
            stroke: { value: INK },
            strokeDash: { value: DASHES },
          },
        },
      },
    ],
  }
}

const spread = (maxOverMean: number): string =>
  Number.isNaN(maxOverMean) ? 'no request was sent' : `max/mean ${maxOverMean.toFixed(2)}`
