/** Limits of connections and of requests that wait for them, over threads that send real requests. */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import type { Balancer } from '../../lib/index.js'
import type { LimitsStats } from '../../lib/observe/limits.js'
import { balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'

const TIMEOUT_MS = 60_000
const POLL = { timeout: 20_000 }
const ANSWER_MS = 2

interface Counts {
  readonly done: number
  readonly refused: number
  readonly failed: number
}

class Thread {
  readonly worker: Worker

  constructor({ handle }: Balancer, loops: number) {
    this.worker = new Worker(new URL('./connection-limits.worker.mjs', import.meta.url), {
      workerData: { handle, loops },
      execArgv: [],
    })
    onTestFinished(async () => void (await this.worker.terminate()))
  }

  async ready(): Promise<this> {
    await once(this.worker, 'message')
    return this
  }

  async ask(what: 'progress' | 'stop' | 'detach'): Promise<Counts> {
    this.worker.postMessage(what)
    const [counts] = await once(this.worker, 'message')
    return counts as Counts
  }
}

const start = (balancer: Balancer, threads: number, loops: number): Promise<Thread[]> =>
  Promise.all(Array.from({ length: threads }, () => new Thread(balancer, loops).ready()))

const slow = (endpoints: readonly TestEndpoint[]): void => {
  for (const endpoint of endpoints)
    endpoint.handle = (_request, response) => void setTimeout(() => response.end('answered'), ANSWER_MS)
}

const limitsOf = (balancer: Balancer, id?: string): LimitsStats => {
  const { users } = balancer.stats().services
  return id === undefined ? users.limits : users.endpoints[id].limits
}

/**
 * Looks at endpoints' connections until `until` ends. That one is closed is seen by its server a moment after the client has closed
 * it, so too many are too many where they stay: a client that had one more would keep it for as long as it works.
 */
async function watch(endpoints: readonly TestEndpoint[], most: number, until: Promise<unknown>) {
  const seen = { most: 0, overForMs: 0 }
  let isOver = false
  let overSince = 0
  void until.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const open = endpoints.reduce((sum, { connections }) => sum + connections, 0)
    const now = performance.now()
    if (open <= most) {
      overSince = 0
      seen.most = Math.max(seen.most, open)
    } else {
      overSince ||= now
      seen.overForMs = Math.max(seen.overForMs, now - overSince)
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return seen
}

/** Looks at a count for a while, and then asks the threads to stop. */
async function work(threads: readonly Thread[], forMs: number, count: () => number) {
  let most = 0
  for (const end = performance.now() + forMs; performance.now() < end; await sleep(3))
    most = Math.max(most, count())
  return { most, counts: await Promise.all(threads.map((thread) => thread.ask('stop'))) }
}

const FREE = { used: 0 }
const ALL_FREE = { requests: FREE, connections: FREE, pending: FREE, retries: FREE }

const terminateAll = (threads: readonly Thread[]): Promise<unknown> =>
  Promise.all(threads.map(({ worker }) => worker.terminate()))

test(
  'three threads never hold a sixth connection where five are allowed; each gets on, and all are given back',
  async () => {
    const endpoints = await startEndpoints(1)
    slow(endpoints)
    const balancer = balancerOver(endpoints, { limits: { perEndpoint: { maxConnections: 5 } } })
    const threads = await start(balancer, 3, 8)
    const working = work(threads, 2_000, () => limitsOf(balancer, 'a').connections.used)
    const { most, overForMs } = await watch(endpoints, 5, working)
    const { most: mostCounted, counts } = await working
    expect(counts.map(({ failed, refused }) => failed + refused)).toEqual([0, 0, 0])
    for (const { done } of counts) expect(done).toBeGreaterThan(5)
    expect([mostCounted, most]).toEqual([5, 5])
    expect(overForMs).toBeLessThan(1_000)
    await terminateAll(threads)
    await expect.poll(() => limitsOf(balancer, 'a'), POLL).toMatchObject(ALL_FREE)
    expect(limitsOf(balancer)).toMatchObject(ALL_FREE)
    expect(balancer.inFlight).toBe(0)
  },
  TIMEOUT_MS,
)

test(
  'four threads with fewer connections than threads: each gets on, and a thread that is killed gives back what it held',
  async () => {
    const endpoints = await startEndpoints(1)
    slow(endpoints)
    const balancer = balancerOver(endpoints, { limits: { perEndpoint: { maxConnections: 2 } } })
    const threads = await start(balancer, 4, 3)
    const progress = () => Promise.all(threads.map(async (thread) => (await thread.ask('progress')).done))
    for (let killed = 0; killed < 3; killed++) {
      const before = await progress()
      for (;;) {
        const now = await progress()
        expect(limitsOf(balancer, 'a').connections.used).toBeLessThanOrEqual(2)
        if (now.every((done, i) => done > before[i] + 2)) break
        await sleep(10)
      }
      await (threads.shift() as Thread).worker.terminate()
    }
    await terminateAll(threads)
    await expect.poll(() => limitsOf(balancer, 'a'), POLL).toMatchObject(ALL_FREE)
    // The thread that is left has both of them.
    const [{ body }, other] = await Promise.all([
      balancer.fetch('http://users/'),
      balancer.fetch('http://users/'),
    ])
    expect(limitsOf(balancer, 'a').connections).toEqual({ used: 2, max: 2, remaining: 0 })
    await Promise.all([body?.cancel(), other.text()])
  },
  TIMEOUT_MS,
)

test(
  'a thread that has nothing to do gives up idle connections for one that needs them',
  async () => {
    const endpoints = await startEndpoints(1)
    const [a] = endpoints
    const waiting: ServerResponse[] = []
    a.handle = (_request, response) => void waiting.push(response)
    const balancer = balancerOver(endpoints, {
      client: { keepAliveTimeout: 600_000 },
      limits: { perEndpoint: { maxConnections: 4 } },
    })
    a.keepAliveMs = 600_000
    const answers = Array.from({ length: 4 }, async () => (await balancer.fetch('http://users/')).text())
    await expect.poll(() => waiting.length, POLL).toBe(4)
    for (const response of waiting.splice(0)) response.end('answered')
    await Promise.all(answers)
    expect(limitsOf(balancer, 'a').connections.used).toBe(4)
    const [thread] = await start(balancer, 1, 4)
    // All four, held at the same time by the other one.
    await expect.poll(() => waiting.length, POLL).toBe(4)
    expect(limitsOf(balancer, 'a').connections.used).toBe(4)
    expect(balancer.stats().services.users.endpoints['a'].connections.open).toBe(0)
    slow(endpoints)
    for (const response of waiting.splice(0)) response.end('answered')
    await thread.ask('stop')
  },
  TIMEOUT_MS,
)

test(
  'the limit of a service holds over endpoints and threads; a thread that detaches gives back what it held',
  async () => {
    const endpoints = await startEndpoints(3)
    slow(endpoints)
    const balancer = balancerOver(endpoints, { policy: 'round-robin', limits: { maxConnections: 4 } })
    const threads = await start(balancer, 3, 4)
    const working = work(threads, 2_000, () => limitsOf(balancer).connections.used)
    const { most, overForMs } = await watch(endpoints, 4, working)
    const { most: mostCounted, counts } = await working
    expect([mostCounted, most]).toEqual([4, 4])
    expect(overForMs).toBeLessThan(1_000)
    for (const { done, failed } of counts) {
      expect(done).toBeGreaterThan(5)
      expect(failed).toBe(0)
    }
    for (const { requests } of endpoints) expect(requests).toBeGreaterThan(5)
    await Promise.all(threads.map((thread) => thread.ask('detach')))
    expect(limitsOf(balancer)).toMatchObject(ALL_FREE)
    for (const { name } of endpoints) expect(limitsOf(balancer, name)).toMatchObject(ALL_FREE)
  },
  TIMEOUT_MS,
)

test(
  'four threads never have more requests wait for a connection than maxPending, and none is left waiting',
  async () => {
    const endpoints = await startEndpoints(1)
    const [a] = endpoints
    const waiting: ServerResponse[] = []
    a.handle = (_request, response) => void waiting.push(response)
    const balancer = balancerOver(endpoints, {
      limits: { perEndpoint: { maxConnections: 4, maxPending: 3, adaptive: false } },
    })
    const threads = await start(balancer, 4, 6)
    const pending = () => limitsOf(balancer, 'a').pending.used
    // Nothing is answered until the line is full.
    await expect.poll(() => [waiting.length, pending()], POLL).toEqual([4, 3])
    slow(endpoints)
    for (const response of waiting.splice(0)) response.end('answered')
    const { most, counts } = await work(threads, 1_000, pending)
    expect(most).toBeLessThanOrEqual(3)
    expect(counts.reduce((sum, { refused }) => sum + refused, 0)).toBeGreaterThan(0)
    for (const { failed } of counts) expect(failed).toBe(0)
    expect(limitsOf(balancer, 'a').pending).toEqual({ used: 0, max: 3, remaining: 3 })
    await terminateAll(threads)
    await expect.poll(() => limitsOf(balancer, 'a'), POLL).toMatchObject(ALL_FREE)
  },
  TIMEOUT_MS,
)
