export interface ApertureOptions {
  /** Which of the callers this process is: 0 to `totalInstances` - 1. */
  readonly instanceId: number
  readonly totalInstances: number
  /** An aperture has at least this many endpoints' worth of the ring. */
  readonly size: number
}

/** A position of the ring of endpoints, and how much of it lies in the aperture: more than 0, at most 1. */
export interface Covered {
  readonly position: number
  readonly share: number
}

/** Below this the overlap of an aperture's end with an endpoint is the rounding of two fractions. */
const ROUNDING = 1e-9

/**
 * Deterministic aperture (Finagle): endpoints and callers are both laid out evenly on one ring. A caller's aperture begins
 * at its own place and is as many whole caller's widths long as it takes to hold `size` endpoints, so every point of the
 * ring is in the same number of apertures, and every endpoint gets the same load. An endpoint that an aperture only
 * overlaps counts by the part of it that lies inside.
 * @param n endpoints on the ring
 * @returns in ring order; all of them, whole, where the aperture would go round
 */
export function apertureOf(n: number, { instanceId, totalInstances, size }: ApertureOptions): Covered[] {
  const widths = Math.ceil((size * totalInstances) / n - ROUNDING)
  if (widths >= totalInstances) return Array.from({ length: n }, (_, position) => ({ position, share: 1 }))
  // In units of one endpoint.
  const from = (instanceId * n) / totalInstances
  const to = ((instanceId + widths) * n) / totalInstances
  const covered: Covered[] = []
  for (let at = Math.floor(from); at < to - ROUNDING; at++) {
    const share = Math.min(to, at + 1) - Math.max(from, at)
    if (share > ROUNDING) covered.push({ position: at % n, share: Math.min(1, share) })
  }
  // A long aperture may end in the endpoint in which it began.
  const [first] = covered
  const last = covered[covered.length - 1]
  if (last === first || last.position !== first.position) return covered
  return [{ ...first, share: Math.min(1, first.share + last.share) }, ...covered.slice(1, -1)]
}

/** Endpoints in the order of their ring: by the hash of their id, which every process works out alike. */
export function ringOrder<T extends { readonly endpoint: { readonly id: string } }>(
  members: readonly T[],
  hash: (text: string) => number,
): T[] {
  const keyed = members.map((member) => ({ member, id: member.endpoint.id, key: hash(member.endpoint.id) }))
  keyed.sort((a, b) => a.key - b.key || (a.id < b.id ? -1 : 1))
  return keyed.map(({ member }) => member)
}
