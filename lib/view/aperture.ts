import { MAX_COUNT } from '../options/common.js'
import { type Faults, join } from '../options/faults.js'
import { group, isRecord, number } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'
import { grouped } from '../options/words.js'

export const APERTURE = group(
  {
    instanceId: number({
      integer: true,
      min: 0,
      max: MAX_COUNT,
      range: '0 to `totalInstances` - 1',
      required: true,
      about:
        'Which of the callers this process is, each number once. With `zoneAware`: which of those in its zone.',
    }),
    totalInstances: number({
      integer: true,
      min: 1,
      max: MAX_COUNT,
      required: true,
      about: 'How many callers there are. With `zoneAware`: in its zone.',
    }),
    size: number({
      integer: true,
      min: 1,
      max: MAX_COUNT,
      default: 12,
      source: 'Finagle',
      about: 'Endpoints that a process uses at least; all, where there are no more.',
    }),
  },
  {
    name: 'ApertureConfig',
    off: true,
    summary:
      'This process uses a part of the endpoints; all processes together use each of them equally (deterministic aperture).',
  },
)

export type ApertureOptions = ResolvedOf<typeof APERTURE.shape>

/** How the options go together, whether or not each of them is right. */
export function checkAperture(aperture: unknown, path: string, faults: Faults): void {
  if (!isRecord(aperture)) return
  const { instanceId, totalInstances } = aperture
  if (typeof instanceId !== 'number' || typeof totalInstances !== 'number') return
  if (instanceId >= totalInstances)
    faults.add(
      join(path, 'instanceId'),
      `must be less than \`totalInstances\`, which is ${grouped(totalInstances)}; it is ${grouped(instanceId)}`,
    )
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

interface Identified {
  readonly endpoint: { readonly id: string }
}

/** 32 bits of a hash and 21 of a position are what a double holds. */
const POSITIONS = 2 ** 21
/** Lists are swapped whole, never edited: the ring of one that is still there is still right. */
const rings = new WeakMap<readonly Identified[], readonly Identified[]>()

/**
 * Endpoints in the order of their ring: by the hash of their id, which every process works out alike. Fewer than 2^21.
 * @param members a list that is not edited
 */
export function ringOrder<T extends Identified>(
  members: readonly T[],
  hash: (text: string) => number,
): readonly T[] {
  const known = rings.get(members)
  if (known !== undefined) return known as readonly T[]
  // Numbers sort ten times faster than objects by a function.
  const keys = new Float64Array(members.length)
  for (let i = 0; i < keys.length; i++) keys[i] = hash(members[i].endpoint.id) * POSITIONS + i
  keys.sort()
  const ring: T[] = []
  for (let i = 0; i < keys.length; i++) {
    const member = members[keys[i] % POSITIONS]
    const hashed = Math.floor(keys[i] / POSITIONS)
    // Of the same hash, the ids decide, not the order of the configuration.
    let at = i
    while (
      at > 0 &&
      Math.floor(keys[at - 1] / POSITIONS) === hashed &&
      ring[at - 1].endpoint.id > member.endpoint.id
    )
      at--
    if (at === i) ring.push(member)
    else ring.splice(at, 0, member)
  }
  rings.set(members, ring)
  return ring
}
