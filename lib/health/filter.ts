import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { Endpoint, EndpointState } from '../model/index.js'
import { EJECTION, isProof } from './passive/ejection-words.js'

/** The endpoints of one priority. The lists are one and the same array where all are healthy. */
export interface Level<T> {
  readonly priority: number
  readonly members: readonly T[]
  /** Those that the operator lets take requests, healthy or not. */
  readonly open: readonly T[]
  /** Those of the open ones that neither requests nor checks found at fault; parked ones only where nobody else is. */
  readonly healthy: readonly T[]
  /** As `healthy`, and those of whose faults there is no proof by real requests: these are asked in panic. */
  readonly unproven: readonly T[]
  /** Healthy ones that are parked, and therefore in neither of the two lists. */
  readonly parked: number
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
  if (ejection === EJECTION.NONE) return isParked(state, slot) ? 'parked' : 'ready'
  return ejection === EJECTION.EJECTED ? 'ejected' : 'probing'
}

/** It asked to be left alone, and its time is not over. Whoever sees it over sets the word to 0. */
export const isParked = (state: SharedState, slot: number): boolean =>
  state.getDouble(slot, SLOT.PARKED_UNTIL) !== 0

/** The operator and its own agent let it take requests. */
export const isOpen = (state: SharedState, slot: number): boolean =>
  state.peek(slot, SLOT.ADMIN) === ADMIN.READY && state.peek(slot, SLOT.BREAKER) !== BREAKER_OPEN

/** Requests or checks have found it at fault. */
export const isOut = (state: SharedState, slot: number): boolean =>
  state.peek(slot, SLOT.EJECTION) !== EJECTION.NONE || state.peek(slot, SLOT.HEALTH) === HEALTH.UNHEALTHY

/** It is open, and real requests have not proved that it cannot serve. */
export const isLeft = (state: SharedState, slot: number): boolean =>
  isOpen(state, slot) && !isProvenBroken(state, slot)

function isProvenBroken(state: SharedState, slot: number): boolean {
  return (
    state.peek(slot, SLOT.BREAKER) !== BREAKER_CLOSED &&
    state.peek(slot, SLOT.EJECTION) !== EJECTION.NONE &&
    isProof(state.peek(slot, SLOT.EJECTION_CAUSE))
  )
}

/** As `stateOf(...) === 'ready'`, by plain loads: the filter epoch was read before, by an atomic one. */
function isReady(state: SharedState, slot: number, honoursParking: boolean): boolean {
  if (state.peek(slot, SLOT.ADMIN) !== 0) return false
  const breaker = state.peek(slot, SLOT.BREAKER)
  if (breaker !== 0) return breaker === BREAKER_CLOSED
  return (
    state.peek(slot, SLOT.HEALTH) !== HEALTH.UNHEALTHY &&
    state.peek(slot, SLOT.EJECTION) === EJECTION.NONE &&
    !(honoursParking && isParked(state, slot))
  )
}

interface Node {
  readonly slot: number
  readonly endpoint: Endpoint
}

/** Endpoints by priority, and in each by what they can do now. Of thousands that are well nothing is copied. */
export function sortByState<T extends Node>(state: SharedState, members: readonly T[]): Sorted<T> {
  const awaitingProbe: T[] = []
  const lists = byPriority(members)
  const levels = lists.map(([priority, list]) => levelOf(state, priority, list, true, awaitingProbe))
  const nobodyElse = levels.every(({ healthy }) => healthy.length === 0)
  if (!nobodyElse || levels.every(({ parked }) => parked === 0)) return { levels, awaitingProbe }
  return {
    levels: lists.map(([priority, list]) => levelOf(state, priority, list, false, [])),
    awaitingProbe,
  }
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
  honoursParking: boolean,
  awaitingProbe: T[],
): Level<T> {
  const first = members.findIndex(({ slot }) => !isReady(state, slot, honoursParking))
  if (first < 0) return { priority, members, open: members, healthy: members, unproven: members, parked: 0 }
  const open = members.slice(0, first)
  const healthy = members.slice(0, first)
  const unproven = members.slice(0, first)
  let parked = 0
  for (let i = first; i < members.length; i++) {
    const member = members[i]
    const { slot } = member
    const condition = isReady(state, slot, honoursParking) ? 'ready' : stateOf(state, slot)
    if (condition === 'drain' || condition === 'maint' || condition === 'open') continue
    open.push(member)
    if (condition === 'ready') healthy.push(member)
    if (condition === 'parked') parked++
    else if (condition === 'ready' || !isProvenBroken(state, slot)) unproven.push(member)
    const awaits = condition === 'probing' && state.get(slot, SLOT.EJECTION) === EJECTION.AWAITING_PROBE
    if (awaits && !isParked(state, slot)) awaitingProbe.push(member)
  }
  return { priority, members, open, healthy, unproven, parked }
}
