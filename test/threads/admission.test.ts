/** Requests of several threads that wait for places: their order, and what becomes of those whose threads end. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Balancer } from '../../lib/index.js'
import type { ServiceConfig } from '../../lib/model/index.js'
import { killWaitingThreads } from '../support/admission-kills.js'

const TIMEOUT_MS = 120_000
const NEVER = 2 ** 30
const SEED = Math.floor(Math.random() * 1e9)

interface Done {
  readonly history: readonly (readonly [asked: number, waits: number, placed: number])[]
  readonly done: number
  readonly failed: number
  readonly left: number
}

function balancerOf(places: number, rest: Partial<ServiceConfig> = {}): Balancer {
  const balancer = new Balancer({
    services: {
      users: {
        endpoints: Array.from({ length: places }, (_, i) => `http://127.0.0.1:${i + 1}`),
        limits: { perEndpoint: { maxRequests: 1 } },
        queue: { discipline: 'fifo', deadlineMs: 60_000 },
        ...rest,
      },
    },
    seed: SEED,
  })
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

function start(balancer: Balancer, shared: Int32Array, seed: number, work: object): Worker {
  const workerData = { handle: balancer.handle, shared, seed, loops: 4, until: NEVER, leaves: 0, ...work }
  const worker = new Worker(new URL('./admission.worker.mjs', import.meta.url), { workerData, execArgv: [] })
  worker.on('message', () => {})
  onTestFinished(async () => void (await worker.terminate()))
  return worker
}

async function work(balancer: Balancer, threads: number, each: object) {
  const shared = new Int32Array(new SharedArrayBuffer(12))
  const workers = Array.from({ length: threads }, (_, i) => start(balancer, shared, SEED + i, each))
  const all = await Promise.all(
    workers.map(async (worker) => {
      for (;;) {
        const [message] = await once(worker, 'message')
        if (message !== 'ready') return message as Done
      }
    }),
  )
  return { all, mostInUse: shared[2], users: balancer.stats().services.users }
}

/** Requests that were in line before another one asked, and got the place after it. */
function overtaken(histories: Done['history']): number {
  const byAsked = [...histories].sort(([a], [b]) => a - b)
  let count = 0
  for (const [i, [, waits, placed]] of byAsked.entries())
    for (const [asked, , other] of byAsked.slice(i + 1)) if (asked > waits && other < placed) count++
  return count
}

describe('four threads', () => {
  // Of a thread that is held for 50 ms, as any is on a busy machine, the place is given to the next: then the order is another.
  test('one place goes from one to the next in the order in which they asked', {
    timeout: TIMEOUT_MS,
  }, async () => {
    for (;;) {
      const { all, mostInUse, users } = await work(balancerOf(1), 4, { until: 100 })
      expect(mostInUse).toBe(1)
      expect(all.map(({ done, failed }) => [done >= 100, failed])).toEqual(all.map(() => [true, 0]))
      expect([users.inFlight, users.queue.waiting]).toEqual([0, 0])
      if (users.queue.revoked > 0) continue
      expect(overtaken(all.flatMap(({ history }) => history))).toBe(0)
      expect(users.queue.admitted).toBeGreaterThan(200)
      return
    }
  })

  test('never more places are taken than there are, and none is lost, with callers that leave', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const { all, mostInUse, users } = await work(balancerOf(3), 4, { until: 400, leaves: 40 })
    expect(mostInUse).toBe(3)
    expect(all.reduce((sum, { failed }) => sum + failed, 0)).toBe(0)
    expect(all.reduce((sum, { left }) => sum + left, 0)).toBeGreaterThan(100)
    expect([users.inFlight, users.queue.waiting]).toEqual([0, 0])
  })
})

test('threads that are terminated while they wait', { timeout: TIMEOUT_MS }, () =>
  killWaitingThreads(15, SEED),
)
