import type { SharedState } from '../engine/state.js'
import type { Endpoint, PickOptions, PolicyConfig } from '../model.js'

/** An endpoint and the slot that holds its state; what survives an update keeps its slot and so its history. */
export interface Candidate {
  readonly endpoint: Endpoint
  readonly slot: number
}

/** What a policy chooses from: a throwaway view, replaced whenever the usable endpoints change, never edited. */
export interface PolicyView {
  readonly state: SharedState
  /** Index of the service's record: its cursor. */
  readonly service: number
  /** The usable endpoints. */
  readonly usable: readonly Candidate[]
  /** Their slots, in the same order. */
  readonly slots: Uint32Array
  /** Every endpoint of the service, usable or not: the stable order that hashing needs. */
  readonly all: readonly Candidate[]
  /** True for the slots in `slots`. */
  readonly isUsable: (slot: number) => boolean
  /** This process's own region: for requests that name none. */
  readonly region?: string
}

/** Chooses a slot and reserves it; -1 when no usable slot has room. */
export type PolicyPicker = (request: PickOptions) => number

export interface Policy {
  readonly name: PolicyConfig['name']
  /** Whether the latency average of its endpoints jumps up to a slower sample (peak EWMA) or only drifts there. */
  readonly latency: 'peak' | 'plain'
  picker(view: PolicyView, options: PolicyConfig): PolicyPicker
}
