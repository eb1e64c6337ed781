import type { Endpoint } from '../model/index.js'
import { type ListDifference, leftIn, newIn } from './list-difference.js'

/** Endpoints that may come, and that may go, from one stage to the next: some ms of work in each thread. */
export const STAGE = 500

/**
 * From one list to another in stages, of which each adds or takes away no more than `STAGE` endpoints: first what is new, in its
 * order, before what was there; then what is gone leaves. No stage has an id or an address twice. One stage where that is enough.
 * @param difference what makes `after` of `before`
 */
export function* stagesTo(
  before: readonly Endpoint[],
  after: readonly Endpoint[],
  difference: ListDifference,
): Generator<readonly Endpoint[], void> {
  const fresh = new Set(newIn(difference))
  const isLeft = leftIn(before, difference)
  const left = before.filter((_, i) => isLeft[i] === 0).length
  if (fresh.size <= STAGE && left <= STAGE) return yield after
  const [ids, urls] = [new Set<string>(), new Set<string>()]
  const isWanted = ({ id, url }: Endpoint) => ids.has(id) || urls.has(url)
  let added = 0
  let end = 0
  while (fresh.size - added > STAGE) {
    for (const most = added + STAGE; added < most; end++) {
      ids.add(after[end].id)
      urls.add(after[end].url)
      if (fresh.has(after[end])) added++
    }
    yield Object.freeze([...after.slice(0, end), ...before.filter((one) => !isWanted(one))])
  }
  for (const { id, url } of after.slice(end)) {
    ids.add(id)
    urls.add(url)
  }
  const gone = left > STAGE ? before.filter((one) => !isWanted(one)) : []
  // What is new first, where there is some left.
  for (let from = added < fresh.size ? 0 : STAGE; from < gone.length; from += STAGE)
    yield Object.freeze([...after, ...gone.slice(from)])
  yield after
}
