/** Ways to say which endpoint holds a key. */
import { Balancer, type Endpoint } from 'fairlead'
import HashRing from 'hashring'
import { hashText } from '../../dist/policy/hash.js'
import { type Identities, identify } from '../../dist/policy/identities.js'
import type { KeyTable } from '../../dist/policy/key-table.js'
import { buildMaglev } from '../../dist/policy/maglev.js'
import { buildRing } from '../../dist/policy/ring-hash.js'

/** Where a key belongs: an endpoint's position in the list, or its id. */
export type Place = (key: string) => number | string
export type PlacementName = 'maglev' | 'ring-hash' | 'rendezvous' | 'hashring'

/** 0: as many as the policy takes by itself. */
const BY_ENDPOINTS = 0
const POINTS = 160

/** To its end at once: what the balancer does in slices. */
function whole<T>(steps: Generator<void, T>): T {
  for (;;) {
    const step = steps.next()
    if (step.done) return step.value
  }
}

function byTable(
  ids: readonly string[],
  build: (identities: Identities) => Generator<void, KeyTable>,
): Place {
  const members = ids.map((id, slot) => ({ slot, endpoint: { id } as Endpoint }))
  const table = whole(build(whole(identify(members, new Float64Array(ids.length).fill(1)))))
  return (key) => table.slotAt(table.seek(hashText(key)))
}

/** Makes what the look-up needs, for endpoints of equal weight. */
export const PLACEMENTS: Readonly<Record<PlacementName, (ids: readonly string[]) => Place>> = {
  maglev: (ids) => byTable(ids, (identities) => buildMaglev(identities, BY_ENDPOINTS)),
  'ring-hash': (ids) => byTable(ids, (identities) => buildRing(identities, POINTS)),
  rendezvous(ids) {
    const service = 'bench'
    const balancer = new Balancer({ services: { [service]: { endpoints: [...ids], policy: 'rendezvous' } } })
    return (key) => {
      const lease = balancer.pick({ service, key })
      lease.end()
      return lease.endpoint.id
    }
  },
  hashring(ids) {
    // Its own defaults: md5, 160 points a server.
    const ring = new HashRing([...ids])
    return (key) => ring.get(key)
  },
}

/** Keys like those that users have, another set for each seed. */
export const keysOf = (count: number, seed = 0): string[] =>
  Array.from({ length: count }, (_, i) => `user-${seed}-${i}`)
