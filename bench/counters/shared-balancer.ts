/** Threads that pick and end at the same time: through one balancer that they share, or each through one of its own. */
import { Balancer, type Lease, type Outcome } from 'fairlead'
import type { Case } from '../harness/case.js'
import type { ThreadWork } from '../harness/thread-work.js'
import { Threads } from '../harness/threads.js'
import { origins } from '../pick/origins.js'
import { pickFor } from './pick-for.js'
import type { Parameters } from './shared.js'

interface ThreadParameters {
  readonly endpoints: number
  /** Of the balancer to share; undefined: make one. */
  readonly handle: unknown
}

interface Sharing {
  attach?(handle: unknown): Balancer
}

/** False where this fairlead cannot share a balancer yet. */
export const canShare = (Balancer as unknown as Sharing).attach !== undefined

const SERVICE = 'bench'
/** A power of two, so that a position is a mask away. */
const IN_FLIGHT = 16
const OUTCOMES: readonly Outcome[] = Array.from({ length: 8 }, (_, i) => ({
  ok: true,
  status: 200,
  latencyMs: 1 + i,
}))

const create = (endpoints: number): Balancer =>
  new Balancer({ services: { [SERVICE]: { endpoints: origins(endpoints) } } })

export async function prepare({ threads, endpoints, shared }: Parameters): Promise<Case> {
  const balancer = create(endpoints)
  const handle = shared ? (balancer as unknown as { handle: unknown }).handle : undefined
  const all = await Threads.start(
    import.meta.url,
    new Array<ThreadParameters>(threads).fill({ endpoints, handle }),
  )
  return {
    /** @param ms for which every thread picks */
    async slice(ms) {
      const { samples, cpuNs } = await all.slice(new Array(threads).fill(ms))
      return { cpuNs: cpuNs / samples.reduce((sum, sample) => sum + sample['picks'], 0) }
    },
    async close() {
      await all.close()
      await balancer.stop({ drainMs: 0 })
    },
  }
}

export function prepareThread({ endpoints, handle }: ThreadParameters): ThreadWork {
  const balancer =
    handle === undefined ? create(endpoints) : (Balancer as unknown as Required<Sharing>).attach(handle)
  const leases: Lease[] = Array.from({ length: IN_FLIGHT }, () => balancer.pick(SERVICE))
  return pickFor((count) => {
    const at = count & (IN_FLIGHT - 1)
    leases[at].end(OUTCOMES[count & 7])
    leases[at] = balancer.pick(SERVICE)
  })
}
