import type { SharedState } from '../engine/state.js'
import type { Endpoint, LoadReport, PickOptions, PolicyConfig } from '../model/index.js'
import type { Shape } from '../options/option.js'
import type { ResolvedOf } from '../options/types.js'
import type { Timers } from '../runtime/timers.js'

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
  /**
   * What tables of keys are made of, where this view is one of several layers of the same endpoints: the same for all of
   * them, so that they share a table.
   */
  readonly hashed?: readonly Candidate[]
  /** True for the slots in `slots`. */
  readonly isUsable: (slot: number) => boolean
  /** This process's own region: for requests that name none. */
  readonly region?: string
}

/** Chooses a slot and reserves it; -1 when no usable slot has room. */
export type PolicyPicker = (request: PickOptions) => number

/** Asks an endpoint how loaded it is. Resolves to undefined where no answer, or none with a report, came in time. */
export type Probe = (
  endpoint: Endpoint,
  path: string,
  timeoutMs: number,
) => PromiseLike<LoadReport | undefined>

/** What a policy with a life of its own gets when it is opened for a service, in one thread. */
export interface PolicyContext {
  readonly state: SharedState
  readonly timers: Timers
  /** What the policy knows has changed: the next pick asks it for another picker. */
  readonly changed: () => void
  readonly probe: Probe
}

/** A policy at work for one service, as long as its options stay the same. */
export interface OpenPolicy {
  picker(view: PolicyView): PolicyPicker
  /**
   * A request of this thread to `slot` was answered, or nobody waits for its answer any more.
   * @param startedAt the time of its reservation, ms
   * @param latencyMs as for `Core.answer`: NaN to be measured, negative where there is none
   * @param isAnswer else the latency is a wait that was given up, and must not make the endpoint look quicker
   */
  answered?(slot: number, startedAt: number, latencyMs: number, isAnswer: boolean): void
  /** A request of this thread to `slot` has ended; its in-flight count is already without it. */
  ended?(slot: number, startedAt: number): void
  /** An endpoint has said how loaded it is. */
  reported?(member: Candidate, report: LoadReport): void
  /** Ends timers and probes. */
  close?(): void
}

/** A policy with every option filled in, those that it does not read with a default of another policy. */
export type ResolvedPolicy = Readonly<Required<PolicyConfig>>

interface PolicyBase<Name extends string, Options extends Shape> {
  readonly name: Name
  readonly options: Options
  /** What other balancers call it: it is proposed for those. */
  readonly otherNames?: readonly string[]
  /** Whether the latency average of its endpoints jumps up to a slower sample (peak EWMA) or only drifts there. */
  readonly latency: 'peak' | 'plain'
  /** Latency is part of its choice: an endpoint that has not answered yet counts as `firstRttMs`. */
  readonly looksAtLatency?: true
  /** Each endpoint has the same due, whatever its weight. */
  readonly ignoresWeights?: true
  /** What a request's choice depends on, where it depends on that alone; undefined for a request that has none. */
  readonly keyOf?: (request: PickOptions) => string | undefined
}

/** All that it knows is in shared memory. */
export interface StatelessPolicy<Name extends string, Options extends Shape>
  extends PolicyBase<Name, Options> {
  picker(view: PolicyView, options: ResolvedOf<Options>): PolicyPicker
}

/** It remembers something from one view to the next: a table, probe results, reports. */
export interface StatefulPolicy<Name extends string, Options extends Shape>
  extends PolicyBase<Name, Options> {
  open(context: PolicyContext, options: ResolvedOf<Options>): OpenPolicy
}

/** Whatever its options: it is given all of them. */
export type Policy = PolicyBase<string, Shape> &
  (
    | { picker(view: PolicyView, options: ResolvedPolicy): PolicyPicker }
    | { open(context: PolicyContext, options: ResolvedPolicy): OpenPolicy }
  )

export const stateless = <const Name extends string, const Options extends Shape>(
  policy: StatelessPolicy<Name, Options>,
): StatelessPolicy<Name, Options> => policy

export const stateful = <const Name extends string, const Options extends Shape>(
  policy: StatefulPolicy<Name, Options>,
): StatefulPolicy<Name, Options> => policy
