/** Shared state with manual time, and endpoints in it, on the engine that this run tests. */
import { selection } from '../../lib/engine/index.js'
import { HEADER, SLOT } from '../../lib/engine/layout.js'
import { SharedState } from '../../lib/engine/state.js'
import type { Endpoint, PolicyConfig, PolicyName } from '../../lib/model/index.js'
import { openPolicy } from '../../lib/policy/index.js'
import { policyOf } from '../../lib/policy/options.js'
import type { OpenPolicy, PolicyContext, PolicyPicker, PolicyView } from '../../lib/policy/policy.js'
import { admit, type Member } from '../../lib/topology/member.js'
import { ManualTimers } from './manual-timers.js'

export function manualState(seed = 1, nowMs = 1_000_000): SharedState {
  const state = SharedState.create(selection.kind, selection.factory, seed)
  setNow(state, nowMs)
  state.root[HEADER.CLOCK_MODE] = 1
  return state
}

export function setNow(state: SharedState, nowMs: number): void {
  new Float64Array(state.root.buffer, HEADER.MANUAL_NOW * 4, 1)[0] = nowMs
}

export function endpoint(id: string, rest: Partial<Endpoint> = {}): Endpoint {
  return Object.freeze({
    id,
    url: `http://${id}.test:80`,
    host: `${id}.test`,
    port: 80,
    weight: 1,
    zone: '',
    region: '',
    priority: 0,
    metadata: {},
    ...rest,
  })
}

export function admitAll(
  state: SharedState,
  endpoints: readonly Endpoint[],
  limit = 0,
  peak = false,
): Member[] {
  const service = state.claims.takeService()
  return endpoints.map((one) =>
    admit(state, service, one, { peak, decayMs: 10_000, firstLatencyMs: 0, limit, adaptive: false }),
  )
}

export function viewOf(
  state: SharedState,
  usable: readonly Member[],
  all: readonly Member[] = usable,
): PolicyView {
  const slots = Uint32Array.from(usable, ({ slot }) => slot)
  const lookup = new Set(slots)
  return {
    state,
    service: all[0]?.service ?? 0,
    usable,
    slots,
    all,
    isUsable: (slot: number) => lookup.has(slot),
  }
}

export function open(
  state: SharedState,
  name: PolicyName,
  options: Partial<PolicyConfig> = {},
  context: Partial<PolicyContext> = {},
): OpenPolicy {
  const nobody = { timers: new ManualTimers(), changed: () => {}, probe: async () => undefined }
  return openPolicy({ state, ...nobody, ...context }, policyOf(name, options))
}

export const pickerOver = (
  state: SharedState,
  name: PolicyName,
  usable: readonly Member[],
  options: Partial<PolicyConfig> = {},
  all: readonly Member[] = usable,
): PolicyPicker => open(state, name, options).picker(viewOf(state, usable, all))

export const inFlight = (state: SharedState, members: readonly Member[]): number[] =>
  members.map(({ slot }) => state.get(slot, SLOT.IN_FLIGHT))
