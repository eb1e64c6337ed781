export { Balancer, type StartOptions } from './clients/balancer.js'
export { deadlineFrom } from './clients/deadline.js'
export { defineDispatcher } from './clients/define-dispatcher.js'
export type { BalancedDispatcher, DispatcherOptions } from './clients/dispatcher.js'
export type { FetchInit } from './clients/fetch.js'
export type { RuleSet } from './configuration/rules/rule-set.js'
export type { LatencySummary } from './engine/histogram.js'
export { type Engine, engine } from './engine/index.js'
export * from './errors.js'
export type * from './model/index.js'
export type { TopologySource } from './network/endpoints.js'
export type { TopologyHandle } from './network/memory.js'
export type { TopologySnapshot } from './network/snapshot.js'
export {
  type LinkEvent,
  type NodeEvent,
  type PartitionEvent,
  Topology,
  type TopologyEvents,
  type TopologyFollowing,
  type TopologyMonitoring,
  type TopologyOptions,
} from './network/topology.js'
export type { TopologyUpdate } from './network/update.js'
export type { ServiceRates, StatsEvent } from './observe/collector.js'
export type {
  BalancerEvents,
  ConfigEvent,
  EndpointChange,
  EndpointEvent,
  SourceChange,
  SourceEvent,
} from './observe/events.js'
export type { LimitStats, LimitsStats } from './observe/limits.js'
export type {
  BalancerStats,
  EndpointStats,
  QueueStats,
  ServiceStats,
  SourceStats,
} from './observe/stats.js'
export { definePolicy } from './policy/define.js'
export { LoadReporter } from './policy/load-reporter.js'
export type { TicketQueueHandle } from './queue/memory.js'
export type { RequestQueueHandle } from './queue/request-memory.js'
export { type PopOptions, RequestQueue, type RequestQueueOptions } from './queue/request-queue.js'
export type { RequestViews } from './queue/request-views.js'
export type { RequestBytes } from './queue/request-writing.js'
export type { RequestQueueStats, TicketQueueStats } from './queue/stats.js'
export { TicketQueue, type TicketQueueOptions } from './queue/ticket-queue.js'
export {
  type DrainableServer,
  type Draining,
  type DrainOptions,
  type DrainResult,
  drainOnSignal,
} from './registration/drain.js'
export type { EtcdConfig, RegisterOptions } from './registration/options.js'
export { register } from './registration/register.js'
export type {
  Registration,
  RegistrationEvent,
  RegistrationEvents,
  RegistrationState,
} from './registration/registration.js'
export type { BalancerHandle } from './shared/handle.js'
export { defineSource } from './sources/define.js'
