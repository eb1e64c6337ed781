/** Threads that are terminated while they wait for places, are granted them and give them back, and what must hold afterwards. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { seeded } from './seeded.mjs'
import { until } from './until.js'

const NEVER = 2 ** 30
const PLACES = 3

/** Terminates `kills` threads, three at work at a time, at random moments, while two that live go on. */
export async function killWaitingThreads(
  kills: number,
  seed: number,
  progress: (done: number) => void = () => {},
): Promise<void> {
  const below = seeded(seed)
  const balancer = new Balancer({
    services: {
      users: {
        endpoints: Array.from({ length: PLACES }, (_, i) => `http://127.0.0.1:${i + 1}`),
        limits: { perEndpoint: { maxRequests: 1 } },
        queue: { discipline: 'fifo', deadlineMs: 60_000 },
      },
    },
    seed,
  })
  const living = [balancer, Balancer.attach(balancer.handle)]
  const shared = new Int32Array(new SharedArrayBuffer(12))
  const workers: Promise<Worker>[] = []
  let isOver = false
  let worstMs = 0
  let done = 0
  const go = async (one: Balancer): Promise<void> => {
    while (!isOver) {
      const begun = performance.now()
      const lease = await one.acquire('users')
      worstMs = Math.max(worstMs, performance.now() - begun)
      await sleep(below(2))
      lease.end({ ok: true })
      done++
    }
  }
  const start = async (own: number): Promise<Worker> => {
    const worker = new Worker(new URL('../threads/admission.worker.mjs', import.meta.url), {
      workerData: { handle: balancer.handle, shared, seed: own, loops: 4, until: NEVER, leaves: 30 },
      execArgv: [],
    })
    worker.on('error', () => {})
    await once(worker, 'message')
    return worker
  }
  try {
    const going = living.flatMap((one) => [go(one), go(one)])
    for (let i = 0; i < kills; i++) {
      workers.push(start(seed + i))
      if (workers.length < PLACES) continue
      const worker = await (workers.shift() as Promise<Worker>)
      await sleep(below(12))
      await worker.terminate()
      progress(i + 1)
    }
    for (const worker of workers.splice(0)) await (await worker).terminate()
    const before = done
    await until(() => done > before + 50)
    isOver = true
    await Promise.all(going)
    await until(() => balancer.inFlight === 0)
    expect(balancer.stats().services.users.queue.waiting).toBe(0)
    // Each place is there.
    const leases = Array.from({ length: PLACES }, () => balancer.pick('users'))
    expect(() => balancer.pick('users')).toThrow(/limits.perEndpoint/)
    for (const lease of leases) lease.end({ ok: true })
    // A thread that lives is never forgotten: places of those that ended are given back as their ends are heard of.
    expect(worstMs).toBeLessThan(30_000)
  } finally {
    isOver = true
    for (const worker of workers) await (await worker).terminate()
    await living[1].stop({ drainMs: 0 })
    await balancer.stop({ drainMs: 0 })
  }
}
