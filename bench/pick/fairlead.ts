/** `pick` and `end` of fairlead, latency recorded, with a few requests in flight. */
import { Balancer, type Lease, type Outcome, type PickRequest, type PolicyName } from 'fairlead'
import { origins } from './origins.js'
import { timedLoop } from './timed-loop.js'

export interface Parameters {
  readonly policy: PolicyName
  readonly endpoints: number
}

const SERVICE = 'bench'
const HASHING: readonly PolicyName[] = ['ring-hash', 'maglev', 'rendezvous']
const REGIONS = ['eu', 'us', 'ap', 'sa']
/** A power of two, so that a position is a mask away. */
const IN_FLIGHT = 16
const VARIANTS = 1024
const SEED = 1

/** Latencies of 1 to 8 ms: neither all the same nor expensive to come by. */
const OUTCOMES: readonly Outcome[] = Array.from({ length: VARIANTS }, (_, i) => ({
  ok: true,
  status: 200,
  latencyMs: 1 + (i % 8),
}))

/** What a policy looks at of a request, varied; the others get the short form. */
function requestsFor(policy: PolicyName): readonly (PickRequest | string)[] {
  return Array.from({ length: VARIANTS }, (_, i) => {
    if (policy === 'ip-hash') return { service: SERVICE, clientIp: `192.168.${i >> 8}.${i & 255}` }
    if (HASHING.includes(policy)) return { service: SERVICE, key: `user-${i}` }
    if (policy === 'geographic' || policy === 'adaptive')
      return { service: SERVICE, region: REGIONS[i % REGIONS.length] }
    return SERVICE
  })
}

export function prepare({ policy, endpoints }: Parameters) {
  const balancer = new Balancer({
    seed: SEED,
    services: {
      [SERVICE]: {
        policy,
        endpoints: origins(endpoints).map((url, i) => ({
          url,
          region: REGIONS[i % REGIONS.length],
          weight: 1 + (i % 4),
        })),
      },
    },
  })
  const requests = requestsFor(policy)
  const leases: Lease[] = Array.from({ length: IN_FLIGHT }, (_, i) => balancer.pick(requests[i]))
  return timedLoop((count) => {
    const at = count & (IN_FLIGHT - 1)
    leases[at].end(OUTCOMES[count & (VARIANTS - 1)])
    const lease = balancer.pick(requests[count & (VARIANTS - 1)])
    leases[at] = lease
    return lease.endpoint.port
  })
}
