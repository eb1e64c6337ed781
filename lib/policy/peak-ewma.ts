import { METRIC } from '../engine/layout.js'
import type { StatelessPolicy } from './policy.js'
import { twoChoices } from './two-choices.js'

/**
 * The default. Load is the latency times (in-flight + 1), over the weight; the latency is the average, or the silence
 * where that is longer. Two distinct endpoints are compared. The average jumps up to a slower answer at once and decays by
 * e^(-dt/decay) otherwise: it is cautious, as in Finagle's and Linkerd's Peak EWMA. An endpoint that has not answered yet
 * counts as `firstRttMs`.
 */
export const peakEwma: StatelessPolicy = {
  name: 'peak-ewma',
  latency: 'peak',
  looksAtLatency: true,
  picker: (view) => twoChoices(view, METRIC.LATENCY),
}
