import type { Endpoint } from '../model/index.js'
import { sameData } from '../options/same.js'
import { isStretch } from '../topology/list-difference.js'
import type { Change, PlacedService } from './change.js'
import type { ConfiguredService } from './configured-service.js'
import { foundBy } from './found.js'
import type { ResolvedService } from './service.js'

/**
 * A change that another thread has made, with this thread's own objects for the endpoints that say the same: retries tell
 * endpoints apart by their objects, and lists of the same objects are compared without a look at what these say.
 */
export function withKnownObjects(
  change: Change,
  serviceAt: (index: number) => ConfiguredService | undefined,
): Change {
  const own = (placed: PlacedService): PlacedService => {
    const known = serviceAt(placed.index)
    return known?.name === placed.name ? { ...placed, base: withObjectsOf(known.base, placed.base) } : placed
  }
  if (change.kind === 'all') return { ...change, services: change.services.map(own) }
  if (change.kind === 'service') return { ...change, service: own(change.service) }
  if (change.kind !== 'found-difference') return change
  const service = serviceAt(change.service)
  if (service === undefined) return change
  const difference = change.difference.map((part) => {
    if (isStretch(part)) return part
    const known = service.endpointOf(part.id)
    return known !== undefined && sameData(part, known) ? known : part
  })
  return { ...change, difference }
}

function withObjectsOf(known: ResolvedService, base: ResolvedService): ResolvedService {
  const own = new Map<Endpoint, Endpoint>()
  const lists = new Map<readonly Endpoint[], readonly Endpoint[]>()
  const listOf = (list: readonly Endpoint[], before: readonly Endpoint[]): readonly Endpoint[] => {
    const byId = new Map(before.map((endpoint) => [endpoint.id, endpoint]))
    const result = list.map((endpoint) => {
      const same = byId.get(endpoint.id)
      const object = same !== undefined && sameData(endpoint, same) ? same : endpoint
      own.set(endpoint, object)
      return object
    })
    lists.set(list, Object.freeze(result))
    return result
  }
  const given = listOf(base.given, known.given)
  const found = base.found.map((one) =>
    Object.freeze({ ...one, endpoints: listOf(one.endpoints, foundBy(known, one.key)) }),
  )
  // One of those lists itself, mostly.
  const endpoints =
    lists.get(base.endpoints) ?? base.endpoints.map((endpoint) => own.get(endpoint) ?? endpoint)
  return Object.freeze({ ...base, given, found: Object.freeze(found), endpoints: Object.freeze(endpoints) })
}
