/** Threads that are terminated while they pick, end and change the configuration, and what must hold afterwards. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import { HEADER, SLOT, THREAD, threadWord } from '../../lib/engine/layout.js'
import { Balancer } from '../../lib/index.js'
import { URLS, until } from './attached.js'
import { seeded } from './seeded.mjs'

export interface Kills {
  readonly kills: number
  /** Threads at work at a time. */
  readonly threads: number
  /** They change the configuration as well. */
  readonly changes: boolean
  readonly seed: number
  readonly progress?: (done: number) => void
}

const MAX_REQUESTS = 1_000
const HELD = 7

/**
 * Terminates `kills` threads, `threads` at work at any time, at random moments, while two threads that live (this one,
 * attached twice) pick and end and hold leases. The counts must be exactly what the living hold, in the middle as well as at
 * the end, and nothing else may be left: no slot, no record, no claim.
 */
export async function killBalancerThreads({ kills, threads, changes, seed, progress }: Kills): Promise<void> {
  const below = seeded(seed)
  const balancer = new Balancer({
    services: { users: { endpoints: URLS, policy: 'random', limits: { maxRequests: MAX_REQUESTS } } },
    seed,
  })
  const other = Balancer.attach(balancer.handle)
  const leases = Array.from({ length: HELD }, (_, i) => (i % 2 === 0 ? balancer : other).pick('users'))
  const held: Record<string, number> = {}
  for (const { endpoint } of leases) held[endpoint.id] = (held[endpoint.id] ?? 0) + 1
  const atWork: Promise<Worker>[] = []
  const start = async (index: number): Promise<Worker> => {
    const worker = new Worker(new URL('./balancer-kills.worker.mjs', import.meta.url), {
      workerData: { handle: balancer.handle, index, seed: seed + index, changes },
    })
    await once(worker, 'message')
    return worker
  }
  const isExact = (): boolean => {
    const { endpoints, inFlight } = balancer.stats().services.users
    return (
      inFlight === HELD &&
      balancer.inFlight === HELD &&
      Object.entries(endpoints).every(([id, counted]) => counted.inFlight === (held[id] ?? 0))
    )
  }
  try {
    for (let index = 1; index <= kills; index++) {
      atWork.push(start(index))
      if (atWork.length < threads) continue
      const worker = await (atWork.shift() as Promise<Worker>)
      for (let turns = below(4); turns >= 0; turns--) {
        for (const living of [balancer, other]) living.pick('users').end()
        await new Promise((resolve) => setTimeout(resolve, below(3)))
      }
      await worker.terminate()
      progress?.(index)
      if (index % 20 !== 0) continue
      await Promise.all(atWork.splice(0).map(async (one) => (await one).terminate()))
      await until(isExact)
    }
  } finally {
    await Promise.all(atWork.map(async (worker) => (await worker).terminate()))
  }
  await until(isExact)
  // The service's own count, too: exactly so many more are let in.
  const more = Array.from({ length: MAX_REQUESTS - HELD }, () => balancer.pick('users'))
  expect(() => balancer.pick('users')).toThrow(/maxRequests/)
  for (const lease of [...more, ...leases]) lease.end()
  expect(balancer.inFlight).toBe(0)

  // Both threads have one configuration; what a thread had added stays until somebody removes it.
  await balancer.synced()
  const ids = balancer.service('users').endpoints.map(({ id }) => id)
  expect(other.service('users').endpoints.map(({ id }) => id)).toEqual(ids)
  expect(ids.slice(0, URLS.length)).toEqual(URLS)
  const root = new Int32Array(balancer.handle.root)
  const records = Array.from(
    { length: root[HEADER.THREADS_USED] },
    (_, i) => root[threadWord(i) + THREAD.HOLDER],
  )
  expect(records.filter((holder) => holder !== 0)).toHaveLength(2)
  await until(() => slotsOf(balancer).used === ids.length + 1)
  expect(slotsOf(balancer).claimed).toBe(0)
  await other.stop({ drainMs: 0 })
  await balancer.stop({ drainMs: 0 })
}

function slotsOf({ handle }: Balancer): { used: number; claimed: number } {
  let [used, claimed] = [0, 0]
  for (const { cells } of handle.segments) {
    const words = new Int32Array(cells)
    for (let at = 0; at < words.length; at += SLOT.WORDS) {
      used += words[at + SLOT.GENERATION] & 1
      claimed += words[at + SLOT.CLAIM] === 0 ? 0 : 1
    }
  }
  return { used, claimed }
}
