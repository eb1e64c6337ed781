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

/** Endpoints by priority, and in each by what they can do now. Among thousands that are well nothing is copied. */
export function sortByState<T extends Node>(state: SharedState, members: readonly T[]): Sorted<T> {
  if (members.length === 0) return { levels: [], awaitingProbe: [] }
  const { priority } = members[0].endpoint
  const isWell = (member: T) => member.endpoint.priority === priority && isReady(state, member.slot)
  if (members.every(isWell))
    return { levels: [{ priority, members, open: members, healthy: members }], awaitingProbe: [] }
  const levels = new Map<number, { priority: number; members: T[]; open: T[]; healthy: T[] }>()
  const awaitingProbe: T[] = []
  for (const member of members) {
    const { priority } = member.endpoint
    let level = levels.get(priority)
    if (level === undefined) levels.set(priority, (level = { priority, members: [], open: [], healthy: [] }))
    level.members.push(member)
    const condition = stateOf(state, member.slot)
    if (condition === 'drain' || condition === 'maint' || condition === 'open') continue
    level.open.push(member)
    if (condition === 'ready') level.healthy.push(member)
    else if (condition === 'probing' && state.get(member.slot, SLOT.EJECTION) === EJECTION.AWAITING_PROBE)
      awaitingProbe.push(member)
  }
  return { levels: [...levels.values()].sort((a, b) => a.priority - b.priority), awaitingProbe }
}
