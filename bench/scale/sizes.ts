/** Balancers of many services and endpoints: what it takes to make one, and to have its statistics. */
import { Balancer, type BalancerConfig } from 'fairlead'
import type { Case } from '../harness/case.js'
import { origins } from '../pick/origins.js'

export interface Parameters {
  readonly services: number
  /** Of each service. */
  readonly endpoints: number
}

const OUTCOME = { ok: true, status: 200, latencyMs: 2 }

export function prepare({ services, endpoints }: Parameters): Case {
  const urls = origins(services * endpoints)
  const names = Array.from({ length: services }, (_, i) => `service-${i}`)
  const config: BalancerConfig = {
    seed: 1,
    services: Object.fromEntries(
      names.map((name, i) => [name, { endpoints: urls.slice(i * endpoints, (i + 1) * endpoints) }]),
    ),
  }
  return {
    ready: {},
    async slice() {
      const begun = performance.now()
      const balancer = new Balancer(config)
      const made = performance.now()
      // So that there is something to sum up.
      for (const name of names) balancer.pick(name).end(OUTCOME)
      const picked = performance.now()
      balancer.stats()
      const stats = performance.now() - picked
      await balancer.stop({ drainMs: 0 })
      return { new: made - begun, stats }
    },
  }
}
