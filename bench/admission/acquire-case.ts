/** `acquire` and `end` where a place is free, as a caller pays for them, or `pick` and `end`. */
import { Balancer, type Lease, type Outcome } from 'fairlead'
import type { Case } from '../harness/case.js'
import { origins } from '../pick/origins.js'

/** `together`: all promises are made first, and awaited while no time is taken. */
export type Way = 'pick' | 'together' | 'awaited'
export interface Parameters {
  readonly way: Way
}

const SERVICE = 'bench'
const ENDPOINTS = 10
const SEED = 1
/** Requests that are in flight when the last of them has its place. So many take one reading of the clock. */
const REQUESTS = 64
const NS_PER_MS = 1e6

/** Latencies of 1 to 8 ms. */
const OUTCOMES: readonly Outcome[] = Array.from({ length: REQUESTS }, (_, i) => ({
  ok: true,
  status: 200,
  latencyMs: 1 + (i % 8),
}))

/** Takes a place for each of `leases`, and returns the ms that count. */
type Take = (leases: Lease[]) => number | Promise<number>

export function prepare({ way }: Parameters): Case {
  const endpoints = origins(ENDPOINTS).map((url, i) => ({ url, weight: 1 + (i % 4) }))
  const balancer = new Balancer({ seed: SEED, services: { [SERVICE]: { endpoints } } })
  const take = ways[way](balancer)
  const leases: Lease[] = Array.from({ length: REQUESTS }, () => balancer.pick(SERVICE))
  endAll(leases)
  return {
    async slice(ms) {
      let elapsed = 0
      let requests = 0
      while (elapsed < (ms as number)) {
        elapsed += await take(leases)
        elapsed += endAll(leases)
        requests += REQUESTS
      }
      return { ns: (elapsed * NS_PER_MS) / requests }
    },
  }
}

const ways: Readonly<Record<Way, (balancer: Balancer) => Take>> = {
  pick: (balancer) => (leases) => {
    const begun = performance.now()
    for (let i = 0; i < REQUESTS; i++) leases[i] = balancer.pick(SERVICE)
    return performance.now() - begun
  },
  together(balancer) {
    const promises: Promise<Lease>[] = []
    return async (leases) => {
      const begun = performance.now()
      for (let i = 0; i < REQUESTS; i++) promises[i] = balancer.acquire(SERVICE)
      const ms = performance.now() - begun
      for (let i = 0; i < REQUESTS; i++) leases[i] = await promises[i]
      return ms
    }
  },
  awaited: (balancer) => async (leases) => {
    const begun = performance.now()
    for (let i = 0; i < REQUESTS; i++) leases[i] = await balancer.acquire(SERVICE)
    return performance.now() - begun
  },
}

/** How long it took, ms. */
function endAll(leases: readonly Lease[]): number {
  const begun = performance.now()
  for (let i = 0; i < REQUESTS; i++) leases[i].end(OUTCOMES[i])
  return performance.now() - begun
}
