import { type Identities, identify } from './identities.js'
import { type KeyTable, pickByTable } from './key-table.js'
import type { Candidate, OpenPolicy, PolicyContext, PolicyView } from './policy.js'
import { SlicedBuild } from './sliced-build.js'
import { weightsOf } from './weights.js'

/** Where fewer than this share of the endpoints are usable, the table is made of those alone. */
const ENOUGH_USABLE = 0.5

/** What a table was made of: the same members with the same weights make the same table. */
interface Recipe {
  readonly slots: Float64Array
  readonly weights: Float64Array
  readonly ids: readonly string[]
}

/**
 * A policy that looks keys up in a table. The table is of all the service's endpoints, so that health moves only the
 * keys of endpoints that are out; it is made anew where endpoints or weights change.
 */
export function openTablePolicy(
  { timers }: PolicyContext,
  { hashBalanceFactor }: { readonly hashBalanceFactor: number },
  build: (identities: Identities) => Generator<void, KeyTable>,
): OpenPolicy {
  const tables = new SlicedBuild<KeyTable>(timers)
  let recipe: Recipe | undefined
  function* steps(members: readonly Candidate[], weights: Float64Array): Generator<void, KeyTable> {
    return yield* build(yield* identify(members, weights))
  }
  return {
    picker: (view) => {
      const members = view.hashed ?? tableMembers(view)
      if (members.length === 0) return () => -1
      const next = recipeOf(view, members)
      if (recipe === undefined || !isSame(recipe, next)) {
        recipe = next
        tables.start(steps(members, next.weights))
      }
      return pickByTable(view, () => tables.current, hashBalanceFactor)
    },
    close: () => tables.stop(),
  }
}

/** All endpoints, so that a table outlives changes of their health; the usable ones where those are few. */
export const tableMembers = <T>({
  usable,
  all,
}: {
  usable: readonly T[]
  all: readonly T[]
}): readonly T[] => (usable.length < all.length * ENOUGH_USABLE ? usable : all)

/** Loops, not `from` with a function: this is asked whenever the service changes, of all its endpoints. */
function recipeOf(view: PolicyView, members: readonly Candidate[]): Recipe {
  const n = members.length
  const slots = new Float64Array(n)
  const ids = new Array<string>(n)
  for (let i = 0; i < n; i++) {
    slots[i] = members[i].slot
    ids[i] = members[i].endpoint.id
  }
  return { slots, weights: weightsOf(view, members), ids }
}

function isSame(a: Recipe, b: Recipe): boolean {
  const n = a.ids.length
  if (b.ids.length !== n) return false
  for (let i = 0; i < n; i++)
    if (a.slots[i] !== b.slots[i] || a.weights[i] !== b.weights[i] || a.ids[i] !== b.ids[i]) return false
  return true
}
