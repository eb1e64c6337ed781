/** A service of many endpoints: picks, and what each change of one endpoint costs, with the pick after it that sees it. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Balancer, type Lease, type PolicyName } from 'fairlead'
import type { Case } from '../harness/case.js'
import { origins } from '../pick/origins.js'
import { timedLoop } from '../pick/timed-loop.js'

export interface Parameters {
  readonly policy: PolicyName
  readonly endpoints: number
}

const SERVICE = 'bench'
const IN_FLIGHT = 16
const KEYS = 1024
/** Changes of each kind in a slice. */
const CHANGES = 8
const OUTCOME = { ok: true, status: 200, latencyMs: 2 }

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
}

export function prepare({ policy, endpoints }: Parameters): Case {
  const urls = origins(endpoints)
  collectGarbage()
  const before = process.memoryUsage()
  const balancer = new Balancer({ seed: 1, services: { [SERVICE]: { policy, endpoints: urls } } })
  const requests = Array.from({ length: KEYS }, (_, i) => ({ service: SERVICE, key: `key ${i}` }))
  const leases: Lease[] = Array.from({ length: IN_FLIGHT }, (_, i) => balancer.pick(requests[i]))
  collectGarbage()
  const after = process.memoryUsage()
  const service = balancer.service(SERVICE)
  const picks = timedLoop((count) => {
    const at = count & (IN_FLIGHT - 1)
    leases[at].end(OUTCOME)
    leases[at] = balancer.pick(requests[count & (KEYS - 1)])
    return leases[at].endpoint.port
  })
  let serial = 0
  /** Mean ms of a change together with the next pick. */
  const timed = (change: (id: string) => void): number => {
    const begun = performance.now()
    for (let i = 0; i < CHANGES; i++) {
      change(`other ${serial + i}`)
      balancer.pick(requests[i]).end(OUTCOME)
    }
    return (performance.now() - begun) / CHANGES
  }
  return {
    ready: {
      resident: (after.rss - before.rss) / endpoints,
      heap: (after.heapUsed - before.heapUsed) / endpoints,
    },
    async slice(ms) {
      // The changes of the slice before have left the caches cold.
      await picks.slice(ms)
      const { ns } = await picks.slice(ms)
      serial += CHANGES
      return {
        ns,
        add: timed((id) => service.add({ url: `http://11.0.0.1:${1 + (Number(id.slice(6)) % 65_000)}`, id })),
        weight: timed((id) => service.set(id, { weight: 2 })),
        drain: timed((id) => service.set(id, { state: 'drain' })),
        remove: timed((id) => service.remove(id)),
      }
    },
  }
}
