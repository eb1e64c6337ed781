/** `fairlead/simulate`: the shipped balancer in simulated time. */
export { definePolicy } from '../policy/define.js'
export type * from './config.js'
export type { OverTime } from './over-time.js'
export { plotGoodput, plotLatency, plotLoad } from './plots/plot.js'
export type {
  EndpointResult,
  GoodputResult,
  LatencyResult,
  PolicyResult,
  QueueResult,
  TierResult,
} from './results.js'
export { type SimulateOptions, simulate } from './simulate.js'
export { timeLabel } from './time-label.js'
