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

/** The service once a source has found these. */
export function withFound(service: ResolvedService, found: Found): ResolvedService {
  const byKey = new Map(service.found.map((one) => [one.key, one]))
  byKey.set(found.key, found)
  // In the order of the configuration, so that it does not matter which of them answers first.
  const inOrder = service.sources.flatMap((source) => byKey.get(keyOf(source)) ?? [])
  return withEndpoints(service, { found: inOrder })
}

/** Where two are one, by id or address, the first counts: what is given before what is found, one source before the next. */
function merged(given: readonly Endpoint[], found: readonly Found[]): readonly Endpoint[] {
  if (found.length === 0) return given
  const ids = new Set(given.map(({ id }) => id))
  const urls = new Set(given.map(({ url }) => url))
  const all = [...given]
  for (const endpoint of found.flatMap(({ endpoints }) => endpoints)) {
    if (ids.has(endpoint.id) || urls.has(endpoint.url)) continue
    ids.add(endpoint.id)
    urls.add(endpoint.url)
    all.push(endpoint)
  }
  return Object.freeze(all)
}
