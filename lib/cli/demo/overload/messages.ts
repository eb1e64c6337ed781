/** What the third act's client processes and their parent say to each other. */
import type { ClientKind } from '../messages.js'
import type { EndpointName } from '../script.js'
import type { OverloadPlan } from './script.js'

export interface OverloadJob {
  readonly kind: ClientKind
  readonly ports: Readonly<Record<EndpointName, number>>
  readonly plan: OverloadPlan
}

export type ToOverloadClient = { readonly type: 'start' }
export type FromOverloadClient =
  | { readonly type: 'ready' }
  | { readonly type: 'progress'; readonly progress: OverloadProgress }
  | { readonly type: 'result'; readonly result: OverloadResult }

/** What became of requests. */
export interface Outcomes {
  /** Those that were due. */
  readonly requests: number
  /** Answered while the caller waited. */
  readonly inTime: number
  /** The client said at once that there is no place. */
  readonly refused: number
  /** The caller had waited its time in vain. */
  readonly gaveUp: number
  /** Any other error. */
  readonly failed: number
}

export interface OverloadProgress {
  readonly elapsedMs: number
  readonly outcomes: Outcomes
  /** Of those answered in time; null: there are none. */
  readonly p99Ms: number | null
}

export interface Judged extends Outcomes {
  /** Answered in time, as a share of what the servers could serve meanwhile; a little above 1 is chance. */
  readonly goodput: number
}

export interface OverloadResult {
  readonly client: ClientKind
  /** Of all requests, by when they were due. */
  readonly findingOut: Judged
  readonly judged: Judged
  /** Of the judged ones that were answered in time, in ms from when they were due; null: there were none. */
  readonly latencyMs: { readonly p50: number | null; readonly p99: number | null }
  /** How long judged ones that were refused had waited, ms. */
  readonly refusedAfterMs: { readonly p50: number | null; readonly p99: number | null }
  readonly errorsByCode: Readonly<Record<string, number>>
  /** How late this process sent requests that were due, ms: its own fault, not the servers'. */
  readonly sendDelayMs: { readonly p99: number; readonly max: number }
}
