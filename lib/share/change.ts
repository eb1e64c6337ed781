import { deserialize, serialize } from 'node:v8'
import type { Place } from '../engine/claims.js'
import type { Endpoint } from '../model.js'
import { deepFreeze } from '../options/endpoint.js'
import type { ResolvedRule, ResolvedService } from '../options/resolved.js'
import { refuseGiven, refuseGivenTo } from './given-dispatchers.js'

/**
 * A service as every thread is to have it: its record, and the places of the endpoints that are in force, in their order. A
 * thread that attaches reads old changes too, of slots that are others' by now: therefore they bear the generation.
 */
export interface PlacedService {
  readonly name: string
  readonly index: number
  /** As configured, before any rule. */
  readonly base: ResolvedService
  readonly places: readonly Place[]
}

/** What goes from the thread that changes the configuration to all others; slots and records in it are set up already. */
export type Change =
  | {
      readonly kind: 'all'
      readonly services: readonly PlacedService[]
      readonly rules: readonly ResolvedRule[]
    }
  | { readonly kind: 'service'; readonly service: PlacedService }
  | { readonly kind: 'add'; readonly service: number; readonly endpoint: Endpoint; readonly place: Place }
  | { readonly kind: 'remove'; readonly service: number; readonly id: string }
  /** The endpoint of that id has another weight now. */
  | { readonly kind: 'weigh'; readonly service: number; readonly endpoint: Endpoint }

/** Throws `ConfigError` where something of it cannot go to other threads. */
export function encodeChange(change: Change): Uint8Array {
  if (change.kind === 'all') for (const { base } of change.services) refuseGiven(base)
  else if (change.kind === 'service') refuseGiven(change.service.base)
  else if (change.kind === 'add') refuseGivenTo(change.endpoint)
  return serialize(change)
}

/** What it returns is frozen, as a configuration is. */
export const decodeChange = (record: Uint8Array): Change => deepFreeze(deserialize(record) as Change)
