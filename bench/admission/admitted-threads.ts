/** Requests that wait their turn: more at once, in one thread or several, than there are places. */
import { Balancer, type BalancerHandle } from 'fairlead'
import type { Case } from '../harness/case.js'
import type { ThreadWork } from '../harness/thread-work.js'
import { Threads } from '../harness/threads.js'
import { origins } from '../pick/origins.js'

export interface Parameters {
  readonly threads: number
}

const SERVICE = 'bench'
const ENDPOINTS = 4
const PLACES = 16
/** Requests that a thread has waiting or in flight: each is followed by the next one as soon as it has ended. */
const CALLERS = 256
/** Longer than any wait here, ms. */
const DEADLINE_MS = 60_000

export async function prepare({ threads: count }: Parameters): Promise<Case> {
  const balancer = new Balancer({
    services: {
      [SERVICE]: {
        endpoints: origins(ENDPOINTS),
        limits: { perEndpoint: { maxRequests: PLACES } },
        queue: { limit: count * CALLERS, discipline: 'fifo', deadlineMs: DEADLINE_MS },
      },
    },
  })
  const { handle } = balancer
  const threads = await Threads.start(
    import.meta.url,
    Array.from({ length: count }, () => handle),
  )
  const admitted = (): number => balancer.stats().services[SERVICE].queue.admitted
  return {
    /** @param ms that the slice takes */
    async slice(ms) {
      const before = admitted()
      const { ns, cpuNs, samples } = await threads.slice(Array.from({ length: count }, () => ms))
      const requests = samples.reduce((sum, { requests }) => sum + requests, 0)
      const waited = admitted() - before
      return { perSecond: (waited * 1e9) / ns, cpu: cpuNs / waited, waited: (100 * waited) / requests }
    },
    close: () => threads.close(),
  }
}

export function prepareThread(handle: BalancerHandle): ThreadWork {
  const balancer = Balancer.attach(handle)
  return {
    async slice(ms) {
      const end = performance.now() + (ms as number)
      let requests = 0
      const caller = async (): Promise<void> => {
        do {
          const lease = await balancer.acquire(SERVICE)
          // As long as a request can be at the least: one turn of the event loop.
          await turn()
          lease.end({ ok: true, latencyMs: 1 })
          requests++
        } while (performance.now() < end)
      }
      await Promise.all(Array.from({ length: CALLERS }, caller))
      return { requests }
    },
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
