import type { Endpoint } from '../model/index.js'

/** A list, told by the one before: stretches of it, each by its beginning and its length, and what is new, in the list's order. */
export type ListDifference = readonly (Stretch | Endpoint)[]

export type Stretch = readonly [from: number, count: number]

/** How far to look for where two lists go on alike. */
const WINDOW = 16

export const isStretch = (part: Stretch | Endpoint): part is Stretch => Array.isArray(part)

/**
 * What makes `after` of `before`, lists of the same objects for the most part. One pass; where more than a few have moved far they
 * are looked up.
 */
export function differenceOf(before: readonly Endpoint[], after: readonly Endpoint[]): ListDifference {
  const parts: (Stretch | Endpoint)[] = []
  let positions: ReadonlyMap<Endpoint, number> | undefined
  let at = 0
  for (let i = 0; i < after.length; ) {
    const from = at
    while (i < after.length && after[i] === before[at] && at < before.length) {
      i++
      at++
    }
    if (at > from) parts.push([from, at - from])
    if (i === after.length) break
    const near = positions === undefined ? nextAlike(before, at, after, i) : undefined
    if (near !== undefined) {
      for (; i < near.after; i++) parts.push(after[i])
      at = near.before
      continue
    }
    positions ??= new Map(before.map((endpoint, position) => [endpoint, position]))
    const known = positions.get(after[i])
    if (known === undefined) parts.push(after[i++])
    else at = known
  }
  return parts
}

/** Where the lists go on alike, not far from where they are; undefined: nowhere near. */
function nextAlike(
  before: readonly Endpoint[],
  at: number,
  after: readonly Endpoint[],
  i: number,
): { before: number; after: number } | undefined {
  if (at === before.length || i === after.length) return undefined
  for (let far = 1; far <= 2 * WINDOW; far++)
    for (let added = Math.max(0, far - WINDOW); added <= Math.min(far, WINDOW); added++) {
      const [b, a] = [at + far - added, i + added]
      if (b < before.length && a < after.length && before[b] === after[a]) return { before: b, after: a }
    }
  return undefined
}

/** The list that `difference` makes of `before`. Frozen. @throws RangeError where it is of another list */
export function patched(before: readonly Endpoint[], difference: ListDifference): readonly Endpoint[] {
  const after = new Array<Endpoint>(Math.min(lengthOf(difference), before.length + difference.length))
  let at = 0
  for (const part of difference) {
    if (!isStretch(part)) after[at++] = part
    else if (!(part[0] >= 0 && part[0] + part[1] <= before.length))
      throw new RangeError('it is of another list')
    else for (let i = part[0]; i < part[0] + part[1]; i++) after[at++] = before[i]
  }
  return Object.freeze(after)
}

function lengthOf(difference: ListDifference): number {
  let length = 0
  for (const part of difference) length += isStretch(part) ? part[1] : 1
  return length
}

/** What is not in the list before. */
export const newIn = (difference: ListDifference): Endpoint[] =>
  difference.filter((part): part is Endpoint => !isStretch(part))

/** Whether nothing is another. */
export const isNothing = (before: readonly Endpoint[], difference: ListDifference): boolean =>
  difference.length === 0
    ? before.length === 0
    : difference.length === 1 && isStretch(difference[0]) && difference[0][1] === before.length

/** Of `before`, the endpoints that the list has still: of the same id and address. */
export function keptOf(before: readonly Endpoint[], difference: ListDifference): number {
  const urls = new Map<string, string>()
  const isLeft = new Uint8Array(before.length)
  let kept = 0
  for (const part of difference) {
    if (!isStretch(part)) urls.set(part.id, part.url)
    else {
      kept += part[1]
      isLeft.fill(1, part[0], part[0] + part[1])
    }
  }
  for (let i = 0; i < before.length; i++)
    if (isLeft[i] === 0 && urls.get(before[i].id) === before[i].url) kept++
  return kept
}
