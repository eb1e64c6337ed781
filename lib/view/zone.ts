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
