import type { Endpoint } from '../model/index.js'

/** Endpoints that may come, and that may go, from one stage to the next: some ms of work in each thread. */
export const STAGE = 500

/**
 * From one list to another in stages, of which each adds or takes away no more than `STAGE` endpoints: first what is new, in its
 * order, before what was there; then what is gone leaves. No stage has an id or an address twice. One stage where that is enough.
 */
export function* stagesTo(
  before: readonly Endpoint[],
  after: readonly Endpoint[],
): Generator<readonly Endpoint[], void> {
  const stays = new Set(before)
  const isNew = (endpoint: Endpoint) => !stays.has(endpoint)
  const wanted = new Set(after)
  const left = before.filter((endpoint) => !wanted.has(endpoint)).length
  let fresh = after.reduce((sum, endpoint) => (isNew(endpoint) ? sum + 1 : sum), 0)
  const [ids, urls] = [new Set<string>(), new Set<string>()]
  let end = 0
  while (fresh > STAGE) {
    for (let added = 0; added < STAGE; end++) {
      ids.add(after[end].id)
      urls.add(after[end].url)
      if (isNew(after[end])) added++
    }
    fresh -= STAGE
    yield Object.freeze([
      ...after.slice(0, end),
      ...before.filter(({ id, url }) => !ids.has(id) && !urls.has(url)),
    ])
  }
  for (const { id, url } of after.slice(end)) {
    ids.add(id)
    urls.add(url)
  }
  const gone = left > STAGE ? before.filter(({ id, url }) => !ids.has(id) && !urls.has(url)) : []
  // What is new first, where there is some left.
  for (let from = fresh > 0 ? 0 : STAGE; from < gone.length; from += STAGE)
    yield Object.freeze([...after, ...gone.slice(from)])
  yield after
}
