import { channel } from 'node:diagnostics_channel'
import type { Endpoint, EndpointState } from '../model/index.js'
import type { StatsEvent } from './collector.js'

/** What happened to an endpoint. */
export type EndpointChange =
  | 'added'
  | 'removed'
  /** Its configuration changed: weight, zone, .... */
  | 'changed'
  /** Set by hand: state, weight or breaker; or by its own agent. */
  | 'set'
  /** By active checks. */
  | 'healthy'
  | 'unhealthy'
  /** By real requests. */
  | 'ejected'
  /** Its ejection is over, and one request probes it. */
  | 'probing'
  /** It asked to be left alone for a while (`Retry-After`). */
  | 'parked'
  /** From an ejection, or from being parked. */
  | 'returned'

/** Emitted as `endpoint`, and published on the diagnostics channel `fairlead:endpoint`, after the change took effect. */
export interface EndpointEvent {
  readonly type: EndpointChange
  readonly service: string
  readonly endpoint: Endpoint
  /** Its state now. */
  readonly state: EndpointState
  /** In words, for logs. */
  readonly reason: string
}

/** Emitted as `config`, and published on `fairlead:config`, after a new configuration or rule took effect. */
export interface ConfigEvent {
  readonly services: readonly string[]
}

/** What happened to a source of endpoints. */
export type SourceChange =
  /** It has found other endpoints than before, and they are in force. */
  | 'found'
  /** It could not look, or what it found was refused. What was found before stays. Told once, until it is `recovered`. */
  | 'failed'
  /** Too many endpoints are missing from its answer: it is held back. */
  | 'held'
  | 'recovered'

/** Emitted as `source`, and published on `fairlead:source`, in each thread. */
export interface SourceEvent {
  readonly type: SourceChange
  readonly service: string
  /** Its kind and where it looks: `dns users.internal`, `file /etc/users.yaml`. */
  readonly source: string
  /** In words, for logs. */
  readonly reason: string
}

/** The events of a `Balancer`, with what their listeners get. */
export interface BalancerEvents {
  endpoint: [event: EndpointEvent]
  config: [event: ConfigEvent]
  source: [event: SourceEvent]
  /** Every five seconds, in the thread that leads: `statsInterval` of `start`. */
  stats: [event: StatsEvent]
}

export const endpointChannel = channel('fairlead:endpoint')
export const configChannel = channel('fairlead:config')
export const sourceChannel = channel('fairlead:source')
