/** Shared state with manual time, and endpoints in it, on the engine that this run tests. */
import { selection } from '../../lib/engine/index.js'
import { HEADER, SLOT } from '../../lib/engine/layout.js'
import { SharedState } from '../../lib/engine/state.js'
import type { Endpoint, PolicyConfig, PolicyName } from '../../lib/model.js'
import { POLICY_DEFAULTS } from '../../lib/options/defaults.js'
import { POLICIES } from '../../lib/policy/index.js'
import type { PolicyPicker } from '../../lib/policy/policy.js'
import { admit, type Member } from '../../lib/topology/member.js'

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
  const service = state.takeService()
  return endpoints.map((one) =>
    admit(state, service, one, { peak, decayMs: 10_000, firstLatencyMs: 0, limit }),
  )
}

export function pickerOver(
  state: SharedState,
  name: PolicyName,
  usable: readonly Member[],
  options: Partial<PolicyConfig> = {},
  all: readonly Member[] = usable,
): PolicyPicker {
  const slots = Uint32Array.from(usable, ({ slot }) => slot)
  const lookup = new Set(slots)
  const view = {
    state,
    service: all[0]?.service ?? 0,
    usable,
    slots,
    all,
    isUsable: (slot: number) => lookup.has(slot),
  }
  return POLICIES[name].picker(view, { ...POLICY_DEFAULTS[name], ...options, name })
}

export const inFlight = (state: SharedState, members: readonly Member[]): number[] =>
  members.map(({ slot }) => state.get(slot, SLOT.IN_FLIGHT))
