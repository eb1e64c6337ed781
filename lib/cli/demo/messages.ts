/** What the demonstration's processes say to each other. */
import type { EndpointName, LoadPlan, Phase, Workplace } from './script.js'

export type ClientKind = 'balanced-pool' | 'fairlead'
export const CLIENT_KINDS: readonly ClientKind[] = ['balanced-pool', 'fairlead']
export const CLIENT_TITLES: Readonly<Record<ClientKind, string>> = {
  'balanced-pool': "undici's BalancedPool",
  fairlead: 'fairlead',
}
/** Where there is less room. */
export const CLIENT_NAMES: Readonly<Record<ClientKind, string>> = {
  'balanced-pool': 'BalancedPool',
  fairlead: 'fairlead',
}

export interface ServerJob extends Workplace {
  readonly name: EndpointName
  /** 0: any free one. */
  readonly port: number
}
export type ToServer = { readonly type: 'factor'; readonly factor: number }
export type FromServer =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'factor-set' }

export interface ClientJob {
  readonly kind: ClientKind
  readonly ports: Readonly<Record<EndpointName, number>>
  readonly plan: LoadPlan
}
export type ToClient = { readonly type: 'start' } | { readonly type: 'phase'; readonly phase: Phase }
export type FromClient =
  | { readonly type: 'ready'; readonly engine?: { readonly kind: string; readonly reason?: string } }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'result'; readonly result: LoadResult }

export interface EndpointTraffic {
  /** Tries sent to it: requests written to a connection, and connections that it refused. */
  readonly tries: number
  readonly triesByPhase: Readonly<Record<Phase, number>>
  readonly answered: number
}

export interface Progress {
  readonly elapsedMs: number
  readonly requests: number
  readonly answered: number
  readonly errors: number
  readonly inFlight: number
  readonly p99Ms: number
  readonly endpoints: Readonly<Record<EndpointName, EndpointTraffic>>
  /** What the balancer thinks of each endpoint; BalancedPool says nothing about that. */
  readonly states?: Readonly<Record<EndpointName, string>>
}

export interface LostRequest {
  readonly dueMs: number
  readonly method: 'GET' | 'POST'
  /** The phase in which the error came. */
  readonly phase: Phase
  readonly code: string
  readonly message: string
}

/** Of answered requests, in ms, from the time when a request was due to the end of its answer. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  readonly mean: number
}

export interface LoadResult {
  readonly client: ClientKind
  readonly requests: number
  readonly answered: number
  readonly errors: number
  /** Errors of GETs: requests that may be sent twice. */
  readonly idempotentErrors: number
  readonly errorsByCode: Readonly<Record<string, number>>
  /** The first lost GETs, then POSTs, at most LISTED_LOSSES. */
  readonly lost: readonly LostRequest[]
  readonly latencyMs: Latency
  readonly endpoints: Readonly<Record<EndpointName, EndpointTraffic>>
  /** How late this process sent requests that were due, ms: its own fault, not the endpoints'. */
  readonly sendDelayMs: { readonly p99: number; readonly max: number }
}
