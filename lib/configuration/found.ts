import type { Endpoint } from '../model/index.js'
import { type Found, keyOf } from '../sources/found.js'
import type { ResolvedService } from './service.js'

/** The service with other endpoints given, or found. */
export function withEndpoints(
  service: ResolvedService,
  { given = service.given, found = service.found }: Partial<Pick<ResolvedService, 'given' | 'found'>>,
): ResolvedService {
  return Object.freeze({ ...service, given, found, endpoints: merged(given, found) })
}

/** A service that is configured anew, with what its sources had found before. */
export function keepingFound(service: ResolvedService, before: readonly Found[]): ResolvedService {
  if (service.sources.length === 0 || before.length === 0) return service
  const keys = service.sources.map(keyOf)
  return withEndpoints(service, { found: before.filter(({ key }) => keys.includes(key)) })
}

/** What the source of that key has found; nothing where it has not answered. */
export const foundBy = (service: ResolvedService, key: string): readonly Endpoint[] =>
  service.found.find((found) => found.key === key)?.endpoints ?? []

/** The service once a source has found these. */
export function withFound(service: ResolvedService, found: Found): ResolvedService {
  const byKey = new Map(service.found.map((one) => [one.key, one]))
  byKey.set(found.key, found)
  // In the order of the configuration, so that it does not matter which of them answers first.
  const inOrder = service.sources.flatMap((source) => byKey.get(keyOf(source)) ?? [])
  return withEndpoints(service, { found: inOrder })
}

/**
 * Where two are one, by id or address, the first counts: what is given before what is found, one source before the next. Each
 * list has none twice, so that the last one need not be remembered, and a list by itself is what it is.
 */
function merged(given: readonly Endpoint[], found: readonly Found[]): readonly Endpoint[] {
  const lists = [given, ...found.map(({ endpoints }) => endpoints)].filter(({ length }) => length > 0)
  const last = lists.at(-1)
  if (last === undefined || lists.length === 1) return last ?? given
  const ids = new Set<string>()
  const urls = new Set<string>()
  const all: Endpoint[] = []
  for (const list of lists)
    for (const endpoint of list) {
      if (ids.has(endpoint.id) || urls.has(endpoint.url)) continue
      all.push(endpoint)
      if (list === last) continue
      ids.add(endpoint.id)
      urls.add(endpoint.url)
    }
  return Object.freeze(all)
}
