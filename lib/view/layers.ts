/** A set of endpoints, and the share of the requests that is chosen from it. */
export interface Layer<T> {
  readonly share: number
  readonly members: readonly T[]
}

/** Sets that differ by less than this are one: factors are rounded up to it where there are more different ones. */
const MAX_LAYERS = 16

/**
 * Endpoints that are to get only a part of their due, whatever the policy: sets one inside the other, of which the
 * largest holds all, and each smaller one leaves out those of the lowest factor. A policy that gives each endpoint of a
 * set its due then gives, over all sets, each endpoint its due times its factor. With one factor for all there is one set.
 * @param factors by position: more than 0, at most 1
 * @param weightOf an endpoint's due; 1 for policies that ignore weights
 * @returns the largest set first; shares add up to 1
 */
export function layersOf<T>(
  members: readonly T[],
  factors: Float64Array,
  weightOf: (member: T) => number,
): Layer<T>[] {
  const steps = distinct(factors)
  if (steps.length <= 1) return [{ share: 1, members }]
  const rounded = steps.length <= MAX_LAYERS ? factors : factors.map(roundUp)
  const layers: Layer<T>[] = []
  let below = 0
  let total = 0
  for (const step of rounded === factors ? steps : distinct(rounded)) {
    const inside = members.filter((_, i) => rounded[i] >= step)
    const due = inside.reduce((sum, member) => sum + weightOf(member), 0) * (step - below)
    layers.push({ share: due, members: inside })
    total += due
    below = step
  }
  return layers.map(({ share, members }) => ({ share: share / total, members }))
}

const distinct = (factors: Float64Array): Float64Array => Float64Array.from(new Set(factors)).sort()

const roundUp = (factor: number): number => Math.ceil(factor * MAX_LAYERS) / MAX_LAYERS
