/** What plots of one row a policy have in common: scales `row`, `fill`, `stroke`, `dash` and `shape` are the plot's own. */
import type { Axis, Legend } from 'vega'
import { INK, labels } from './theme.js'

const ROW_AXIS = { scale: 'row', domain: false, ticks: false } as const

/** Names of the policies, by an expression of Vega's over `datum.value`. */
export const policyAxis = (names: string): Axis => ({
  ...ROW_AXIS,
  orient: 'left',
  encode: labels(names),
  labelOffset: -3,
  labelColor: INK,
  title: 'Policy',
  description: 'Policies',
})

/** What the small axes at the right measure, `offset` pixels from them: their labels are as wide. */
export const rowTitle = (title: string, offset: number): Axis => ({
  ...ROW_AXIS,
  orient: 'right',
  offset,
  labels: false,
  title,
  aria: false,
})

export const LEGEND: Legend = {
  fill: 'fill',
  stroke: 'stroke',
  strokeDash: 'dash',
  shape: 'shape',
  orient: 'top',
  direction: 'horizontal',
  symbolSize: 120,
}
