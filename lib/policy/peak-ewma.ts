import { METRIC } from '../engine/layout.js'
import { DECAY_MS, FIRST_RTT_MS } from './latency-options.js'
import { stateless } from './policy.js'
import { twoChoices } from './two-choices.js'

/**
 * The default. Load is the latency times (in-flight + 1), over the weight; the latency is the average, or the silence
 * where that is longer. Two distinct endpoints are compared. The average jumps up to a slower answer at once and decays by
 * e^(-dt/decay) otherwise: it is cautious, as in Finagle's and Linkerd's Peak EWMA. An endpoint that has not answered yet
 * counts as `firstRttMs`.
 */
export const peakEwma = stateless({
  name: 'peak-ewma',
  options: { decayMs: DECAY_MS, firstRttMs: FIRST_RTT_MS },
  otherNames: ['ewma'],
  latency: 'peak',
  looksAtLatency: true,
  picker: (view) => twoChoices(view, METRIC.LATENCY),
})
