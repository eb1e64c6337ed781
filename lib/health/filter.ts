import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { Endpoint, EndpointState } from '../model.js'

export interface Filtered<T> {
  /** What policies choose from. */
  readonly usable: readonly T[]
  /** Endpoints whose ejection is over and that wait for one request to probe them. */
  readonly awaitingProbe: readonly T[]
  /** Too few were healthy: health was ignored. */
  readonly panic: boolean
  /** Endpoints that the operator lets take requests, healthy or not. */
  readonly open: number
}

export const ADMIN_STATES = ['ready', 'drain', 'maint'] as const
/** `SLOT.ADMIN`: the operator's word, by its position above, or the endpoint's own agent's. */
export const ADMIN = { READY: 0, DRAIN: 1, MAINT: 2, AGENT_DRAIN: 3 } as const
export const HEALTH = { UNKNOWN: 0, HEALTHY: 1, UNHEALTHY: 2 } as const
export const EJECTION = { NONE: 0, EJECTED: 1, AWAITING_PROBE: 2, PROBING: 3 } as const
export const BREAKERS = ['auto', 'open', 'closed'] as const
const BREAKER_OPEN = 1
const BREAKER_CLOSED = 2

/** A priority level counts as whole while at least 1/1.4 of it is healthy (Envoy's overprovisioning factor). */
const OVERPROVISIONING = 1.4

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

interface Level<T> {
  open: T[]
  healthy: T[]
}

/**
 * The endpoints that may be chosen. Draining, maintained and forced-open ones never are. The healthy ones of the most
 * preferred priority are; where they are fewer than 1/1.4 of their level, those of the next levels join until they
 * make up for it. Where they never do, a level whose healthy share is below `panicThreshold` is used whole: sending
 * everything to the few that are left would break them too.
 */
export function filterUsable<T extends { readonly slot: number; readonly endpoint: Endpoint }>(
  state: SharedState,
  members: readonly T[],
  panicThreshold: number,
): Filtered<T> {
  const levels = new Map<number, Level<T>>()
  const awaitingProbe: T[] = []
  let open = 0
  for (const member of members) {
    const condition = stateOf(state, member.slot)
    if (condition === 'drain' || condition === 'maint' || condition === 'open') continue
    open++
    const { priority } = member.endpoint
    let level = levels.get(priority)
    if (level === undefined) levels.set(priority, (level = { open: [], healthy: [] }))
    level.open.push(member)
    if (condition === 'ready') level.healthy.push(member)
    else if (condition === 'probing' && state.get(member.slot, SLOT.EJECTION) === EJECTION.AWAITING_PROBE)
      awaitingProbe.push(member)
  }
  const ordered = [...levels.keys()].sort((a, b) => a - b).map((priority) => levels.get(priority) as Level<T>)
  const usable: T[] = []
  let covered = 0
  for (const level of ordered) {
    for (const member of level.healthy) usable.push(member)
    covered += Math.min(1, (OVERPROVISIONING * level.healthy.length) / level.open.length)
    if (covered >= 1) return { usable, awaitingProbe, panic: false, open }
  }
  let panic = false
  const wide: T[] = []
  for (const level of ordered) {
    const whole = level.healthy.length / level.open.length < panicThreshold
    panic ||= whole
    for (const member of whole ? level.open : level.healthy) wide.push(member)
  }
  return { usable: wide, awaitingProbe, panic, open }
}
