import { MAX_COUNT } from '../options/common.js'
import { type Faults, join } from '../options/faults.js'
import { group, isRecord, number, record, ts } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'
import { validate } from '../options/validate.js'

/** How many callers a zone has; any unit, so fractions and per cents as well. */
const CALLERS = number({ min: 0, max: 1e9 })

export const ZONE_AWARE = group(
  {
    origin: record('an object of numbers by zone', {
      ts: ts<Readonly<Record<string, number>>>('Readonly<Record<string, number>>'),
      defaultText: 'even over all zones',
      about:
        'How the callers of the service spread over zones, in any unit. Zones that are not named have none. `zone` must have some.',
    }),
    minClusterSize: number({
      integer: true,
      min: 0,
      max: MAX_COUNT,
      default: 6,
      source: 'Envoy',
      about: 'Healthy endpoints of a priority level below which zones do not count.',
    }),
    routingEnabled: number({
      min: 0,
      max: 100,
      unit: '%',
      default: 100,
      source: 'Envoy',
      about: 'Share of the requests for which zones count.',
    }),
  },
  {
    name: 'ZoneAwareConfig',
    off: true,
    summary: "Requests stay in this process's `zone` as far as its endpoints can carry them.",
  },
)

export type ZoneAwareOptions = ResolvedOf<typeof ZONE_AWARE.shape>

/**
 * How the options go together, whether or not each of them is right.
 * @param zone `zone` of the service
 */
export function checkZoneAware(zoneAware: unknown, zone: unknown, path: string, faults: Faults): void {
  if (!isRecord(zoneAware)) return
  if (zone === undefined || zone === '')
    faults.add(path, 'needs `zone` beside it: the name of the zone that this process runs in')
  const { origin } = zoneAware
  if (!isRecord(origin)) return
  const at = join(path, 'origin')
  for (const [name, count] of Object.entries(origin)) validate(CALLERS, count, join(at, name), faults)
  if (typeof zone !== 'string' || zone === '') return
  const own = Object.hasOwn(origin, zone) ? origin[zone] : undefined
  if (own === undefined || own === 0)
    faults.add(at, `has no callers in zone ${JSON.stringify(zone)}, which is this process's own`)
}

/**
 * Zone-aware routing (Envoy): callers stay in their own zone as far as its endpoints can carry what its callers send; the
 * rest goes to the zones that have more endpoints than callers, in proportion to what they can spare.
 * @param upstream healthy endpoints by zone; '' is a zone of its own, of those that name none
 * @param origin callers by zone, in any unit; above 0 for `own`
 * @param own the zone of this process
 * @returns the share of this process's requests by zone; zones that get none are left out
 */
export function zoneShares(
  upstream: ReadonlyMap<string, number>,
  origin: ReadonlyMap<string, number>,
  own: string,
): Map<string, number> {
  const endpoints = total(upstream)
  const callers = total(origin)
  const upstreamShare = (zone: string): number => (upstream.get(zone) ?? 0) / endpoints
  const originShare = (zone: string): number => (origin.get(zone) ?? 0) / callers
  const shares = new Map<string, number>()
  const local = Math.min(1, upstreamShare(own) / originShare(own))
  if (local > 0) shares.set(own, local)
  if (local >= 1) return shares
  const spare = new Map<string, number>()
  for (const zone of upstream.keys()) {
    const residual = upstreamShare(zone) - originShare(zone)
    if (zone !== own && residual > 0) spare.set(zone, residual)
  }
  // What the own zone lacks the others have, so there is something to spare.
  const residual = total(spare)
  for (const [zone, value] of spare) shares.set(zone, ((1 - local) * value) / residual)
  return shares
}

/** Callers are taken to be spread evenly over the zones that are named, where nobody says how they are. */
export function evenOrigin(zones: Iterable<string>, own: string): Map<string, number> {
  const origin = new Map<string, number>([[own, 1]])
  for (const zone of zones) if (zone !== '') origin.set(zone, 1)
  return origin
}

const total = (counts: ReadonlyMap<string, number>): number => {
  let sum = 0
  for (const count of counts.values()) sum += count
  return sum
}
