import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { type Level, sortByState } from '../health/filter.js'
import { hashText } from '../policy/hash.js'
import { tableMembers } from '../policy/table-policy.js'
import { apertureOf, ringOrder } from './aperture.js'
import { type Layer, layersOf } from './layers.js'
import type { Node } from './node.js'
import type { ResolvedView } from './options.js'
import { priorityLoads } from './priority.js'
import { lookupOf } from './slot-lookup.js'
import { slowStartFactor } from './slow-start.js'
import { evenOrigin, zoneShares } from './zone.js'

/** A share of the requests, and the endpoints that the policy chooses from for them. */
export interface Part<T> {
  /** Which part it is, over changes: what the policy has learned of it is kept under this name. */
  readonly key: string
  /** Layers of one part have the same key; 0 is the largest, and the only one while nothing is slowed. */
  readonly layer: number
  /** Of all requests: more than 0; those of all parts add up to 1. */
  readonly share: number
  readonly usable: readonly T[]
  /** Also those that are out just now: the stable set that hashing needs. */
  readonly all: readonly T[]
  /** Of several layers: what their tables of keys are made of. */
  readonly hashed?: readonly T[]
}

export interface Division<T> {
  readonly parts: readonly Part<T>[]
  readonly awaitingProbe: readonly T[]
  /** All that are healthy and may be asked, the most preferred first, whether or not a part has them. */
  healthy(): readonly T[]
  /**
   * Too few were healthy in a level that gets requests: what active checks say is ignored there, or nobody is asked
   * (`failTrafficOnPanic`).
   */
  readonly panic: boolean
  /** Some endpoint is in its slow start: the division changes with time. */
  readonly warming: boolean
}

export type DivisionOptions = Pick<
  ResolvedView,
  | 'panicThreshold'
  | 'overprovisioningFactor'
  | 'failTrafficOnPanic'
  | 'zone'
  | 'zoneAware'
  | 'aperture'
  | 'slowStart'
>

type Lists<T> = Pick<Level<T>, 'members' | 'open' | 'healthy'>

/** What one stage hands on to the next. */
interface Stage<T> extends Lists<T> {
  readonly key: string
  readonly share: number
  readonly panic: boolean
  /** Those that are asked in panic. */
  readonly inPanic: readonly T[]
}

/** What of a stage's requests an aperture leaves, with the factor that each endpoint's due is multiplied by. */
interface Covered<T> {
  readonly usable: readonly T[]
  readonly all: readonly T[]
  /** undefined: 1 for each. */
  readonly factors: Float64Array | undefined
}

/** Below this share of it healthy, an aperture is left for all of the zone. */
const ENOUGH_HEALTHY = 0.5

/**
 * From a service's endpoints, or a subset of them, to what its policy chooses from. The order is that of
 * docs/balancing.md:
 *
 *   subset -> state -> priority and panic -> zone -> aperture -> slow start -> policy
 *
 * The subset was chosen by the request (`subsets.ts`); the policy comes after.
 * @param dueOf an endpoint's due under the policy: its weight, or 1
 */
export function divide<T extends Node>(
  state: SharedState,
  members: readonly T[],
  options: DivisionOptions,
  dueOf: (member: T) => number,
): Division<T> {
  const { levels, awaitingProbe } = sortByState(state, members)
  const now = options.slowStart === undefined ? 0 : state.core.now()
  const parts: Part<T>[] = []
  let panic = false
  let warming = false
  for (const level of byPriority(levels, options)) {
    panic ||= level.panic
    if (level.panic && options.failTrafficOnPanic) continue
    for (const zone of byZone(level, options)) {
      const covered = inAperture(zone, options)
      const slowed = inSlowStart(state, covered, options, now)
      warming ||= slowed.warming
      addLayers(parts, zone, { ...covered, factors: slowed.factors }, dueOf)
    }
  }
  return {
    parts,
    awaitingProbe,
    // Where nobody is to be asked in panic, a further try asks nobody either.
    healthy: () => (panic && options.failTrafficOnPanic ? [] : levels.flatMap(({ healthy }) => healthy)),
    panic,
    warming,
  }
}

/**
 * Priority levels that get requests. In panic they go to whoever is not proven broken by real requests, and to those only
 * where nobody else is left in any level. Parked endpoints count as healthy in a level in which another one is.
 */
function byPriority<T extends Node>(levels: readonly Level<T>[], options: DivisionOptions): Stage<T>[] {
  const isAnyLeft = levels.some(({ unproven }) => unproven.length > 0)
  const inPanic = (level: Level<T>) => (isAnyLeft ? level.unproven : level.open)
  const loads = priorityLoads(
    levels.map((level) => ({
      open: level.open.length,
      healthy: level.healthy.length === 0 ? 0 : level.healthy.length + level.parked,
      unproven: inPanic(level).length,
    })),
    options,
  )
  return levels.flatMap((level, i) => {
    const { priority, members, open, healthy } = level
    const { load, panic } = loads[i]
    if (load === 0) return []
    return [{ key: `${priority}`, share: load, panic, members, open, healthy, inPanic: inPanic(level) }]
  })
}

/** The zones of a level that get requests; the level as it is where zones do not count. */
function byZone<T extends Node>(level: Stage<T>, { zone: own, zoneAware }: DivisionOptions): Stage<T>[] {
  if (zoneAware === undefined || level.panic || level.healthy.length < zoneAware.minClusterSize)
    return [level]
  const zones = zonesOf(level)
  if (zones.size < 2) return [level]
  const upstream = new Map([...zones].map(([zone, { healthy }]) => [zone, healthy.length]))
  const origin = zoneAware.origin ? new Map(Object.entries(zoneAware.origin)) : evenOrigin(zones.keys(), own)
  const routed = zoneAware.routingEnabled / 100
  const stages = [...zoneShares(upstream, origin, own)].map(([zone, share]) => ({
    ...level,
    ...(zones.get(zone) as Lists<T>),
    key: `${level.key} ${zone}`,
    share: level.share * share * routed,
    panic: false,
  }))
  return [...stages, { ...level, share: level.share * (1 - routed) }].filter(({ share }) => share > 0)
}

function zonesOf<T extends Node>({ members, open, healthy }: Lists<T>): Map<string, Lists<T>> {
  const allOf = groupByZone(members)
  // Where all are healthy the lists are one.
  const openOf = open === members ? allOf : groupByZone(open)
  const healthyOf = healthy === open ? openOf : groupByZone(healthy)
  const zones = new Map<string, Lists<T>>()
  for (const [zone, list] of allOf)
    zones.set(zone, { members: list, open: openOf.get(zone) ?? [], healthy: healthyOf.get(zone) ?? [] })
  return zones
}

function groupByZone<T extends Node>(members: readonly T[]): Map<string, T[]> {
  const zones = new Map<string, T[]>()
  for (const member of members) {
    const { zone } = member.endpoint
    const list = zones.get(zone)
    if (list === undefined) zones.set(zone, [member])
    else list.push(member)
  }
  return zones
}

/** The endpoints of a zone that are this process's to use. */
function inAperture<T extends Node>(zone: Stage<T>, { aperture }: DivisionOptions): Covered<T> {
  const { members, open, healthy, panic, inPanic } = zone
  const whole = { usable: panic ? inPanic : healthy, all: members, factors: undefined }
  if (aperture === undefined || open.length === 0) return whole
  const ring = openRing(members, open)
  const covered = apertureOf(ring.length, aperture)
  if (covered.length === ring.length && covered.every(({ share }) => share === 1)) return whole
  const all = covered.map(({ position }) => ring[position])
  const isUsable = lookupOf(whole.usable)
  const inside = covered.filter((_, i) => isUsable(all[i].slot))
  const width = (pieces: typeof covered) => pieces.reduce((sum, { share }) => sum + share, 0)
  if (width(inside) < width(covered) * ENOUGH_HEALTHY) return whole
  return {
    usable: inside.map(({ position }) => ring[position]),
    all,
    factors: Float64Array.from(inside, ({ share }) => share),
  }
}

function openRing<T extends Node>(members: readonly T[], open: readonly T[]): readonly T[] {
  const ring = ringOrder(members, hashText)
  if (open.length === members.length) return ring
  const isOpen = lookupOf(open)
  return ring.filter(({ slot }) => isOpen(slot))
}

/** Endpoints that have only just begun to take requests count for less. */
function inSlowStart<T extends Node>(
  state: SharedState,
  { usable, factors }: Covered<T>,
  { slowStart }: DivisionOptions,
  now: number,
): { factors: Float64Array | undefined; warming: boolean } {
  if (slowStart === undefined) return { factors, warming: false }
  let warming = false
  const slowed = factors ?? new Float64Array(usable.length).fill(1)
  usable.forEach(({ slot }, i) => {
    const factor = slowStartFactor(now - state.getDouble(slot, SLOT.READY_SINCE), slowStart)
    if (factor < 1) warming = true
    slowed[i] *= factor
  })
  return { factors: warming ? slowed : factors, warming }
}

function addLayers<T>(
  parts: Part<T>[],
  { key, share }: Stage<T>,
  { usable, all, factors }: Covered<T>,
  dueOf: (member: T) => number,
): void {
  const layers: Layer<T>[] =
    factors === undefined ? [{ share: 1, members: usable }] : layersOf(usable, factors, dueOf)
  const hashed = layers.length > 1 ? tableMembers({ usable, all }) : undefined
  layers.forEach((layer, i) => {
    parts.push({ key, layer: i, share: share * layer.share, usable: layer.members, all, hashed })
  })
}
