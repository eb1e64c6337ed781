import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { Endpoint, EndpointState } from '../model.js'

/** The endpoints of one priority. The three lists are one and the same array where all are healthy. */
export interface Level<T> {
  readonly priority: number
  readonly members: readonly T[]
  /** Those that the operator lets take requests, healthy or not. */
  readonly open: readonly T[]
  readonly healthy: readonly T[]
}

export interface Sorted<T> {
  /** The most preferred first. */
  readonly levels: readonly Level<T>[]
  /** Endpoints whose ejection is over and that wait for one request to probe them. */
  readonly awaitingProbe: readonly T[]
}

export const ADMIN_STATES = ['ready', 'drain', 'maint'] as const
/** `SLOT.ADMIN`: the operator's word, by its position above, or the endpoint's own agent's. */
export const ADMIN = { READY: 0, DRAIN: 1, MAINT: 2, AGENT_DRAIN: 3 } as const
export const HEALTH = { UNKNOWN: 0, HEALTHY: 1, UNHEALTHY: 2 } as const
export const EJECTION = { NONE: 0, EJECTED: 1, AWAITING_PROBE: 2, PROBING: 3 } as const
export const BREAKERS = ['auto', 'open', 'closed'] as const
const BREAKER_OPEN = 1
const BREAKER_CLOSED = 2

/** One word for all that keeps an endpoint from taking requests; the operator's word goes first, then its agent's. */
export function stateOf(state: SharedState, slot: number): EndpointState {
  const admin = state.get(slot, SLOT.ADMIN)
  if (admin === ADMIN.AGENT_DRAIN) return 'drain'
  if (admin !== ADMIN.READY) return ADMIN_STATES[admin] as 'drain' | 'maint'
  const breaker = state.get(slot, SLOT.BREAKER)
  if (breaker === BREAKER_OPEN) return 'open'
  if (breaker === BREAKER_CLOSED) return 'ready'
  if (state.get(slot, SLOT.HEALTH) === HEALTH.UNHEALTHY) return 'unhealthy'
  const ejection = state.get(slot, SLOT.EJECTION)
  if (ejection === EJECTION.NONE) return 'ready'
  return ejection === EJECTION.EJECTED ? 'ejected' : 'probing'
}

/** As `stateOf(...) === 'ready'`, by plain loads: the filter epoch was read before, by an atomic one. */
function isReady(state: SharedState, slot: number): boolean {
  if (state.peek(slot, SLOT.ADMIN) !== 0) return false
  const breaker = state.peek(slot, SLOT.BREAKER)
  if (breaker !== 0) return breaker === BREAKER_CLOSED
  return (
    state.peek(slot, SLOT.HEALTH) !== HEALTH.UNHEALTHY && state.peek(slot, SLOT.EJECTION) === EJECTION.NONE
  )
}

interface Node {
  readonly slot: number
  readonly endpoint: Endpoint
}

/** Endpoints by priority, and in each by what they can do now. Of thousands that are well nothing is copied. */
export function sortByState<T extends Node>(state: SharedState, members: readonly T[]): Sorted<T> {
  const awaitingProbe: T[] = []
  const levels = byPriority(members).map(([priority, list]) => levelOf(state, priority, list, awaitingProbe))
  return { levels, awaitingProbe }
}

function byPriority<T extends Node>(members: readonly T[]): [number, readonly T[]][] {
  if (members.length === 0) return []
  const { priority } = members[0].endpoint
  if (members.every(({ endpoint }) => endpoint.priority === priority)) return [[priority, members]]
  const lists = new Map<number, T[]>()
  for (const member of members) {
    const list = lists.get(member.endpoint.priority)
    if (list === undefined) lists.set(member.endpoint.priority, [member])
    else list.push(member)
  }
  return [...lists].sort(([a], [b]) => a - b)
}

function levelOf<T extends Node>(
  state: SharedState,
  priority: number,
  members: readonly T[],
  awaitingProbe: T[],
): Level<T> {
  const first = members.findIndex(({ slot }) => !isReady(state, slot))
  if (first < 0) return { priority, members, open: members, healthy: members }
  const open = members.slice(0, first)
  const healthy = members.slice(0, first)
  for (let i = first; i < members.length; i++) {
    const member = members[i]
    if (isReady(state, member.slot)) {
      open.push(member)
      healthy.push(member)
      continue
    }
    const condition = stateOf(state, member.slot)
    if (condition === 'drain' || condition === 'maint' || condition === 'open') continue
    open.push(member)
    if (condition === 'ready') healthy.push(member)
    else if (condition === 'probing' && state.get(member.slot, SLOT.EJECTION) === EJECTION.AWAITING_PROBE)
      awaitingProbe.push(member)
  }
  return { priority, members, open, healthy }
}
