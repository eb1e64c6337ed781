/** Options of the latency average, which the engine keeps for each endpoint whatever the policy. */
import { MAX_MS } from '../options/common.js'
import { number } from '../options/kinds.js'

export const DECAY_MS = number({
  min: 1,
  max: MAX_MS,
  unit: 'ms',
  default: 10_000,
  source: 'Finagle, Linkerd',
  about: 'Time constant of the latency average.',
})

export const FIRST_RTT_MS = number({
  min: 0,
  max: MAX_MS,
  unit: 'ms',
  default: 30,
  source: 'Linkerd',
  about: 'Latency assumed of an endpoint that has not answered yet.',
})
