/**
 * Many threads at once, each with a good deal to do, all on the same balancer and queues: nothing hangs, nothing is lost or done
 * twice, every count agrees afterwards, and every thread ends by itself. The shapes are those of the network layer that fairlead
 * reworks: 8 threads with 1,000 routes each, 16 with 500 queue operations, 8 with 500 topology updates, 12 with 300 of all.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { RequestQueue, TicketQueue } from '../../lib/index.js'
import type { BalancerHandle } from '../../lib/shared/handle.js'
import { configOf, ownBalancer, slotsInUse, URLS, until } from '../support/attached.js'
import { balancerOver, startEndpoints } from '../support/http-servers.js'

const TIMEOUT_MS = 60_000
/** A service has a slot of its own. */
const SERVICE_SLOTS = 1
const SEED = Math.floor(Math.random() * 1e9)

interface Account {
  readonly pushed: number
  readonly pushedSum: number
  readonly popped: number
  readonly poppedSum: number
  readonly outOfOrder: number
}
interface Done {
  readonly answers: Readonly<Record<string, number>>
  readonly accounts: Readonly<Record<'tickets' | 'requests', Account>>
  /** Endpoints that the thread has added and left. */
  readonly own: readonly string[]
  readonly picks: number
}

interface Handles {
  readonly balancer?: BalancerHandle
  readonly tickets?: unknown
  readonly requests?: unknown
}

/** What each of `threads` has done, all of them at the same time, and after all have ended by themselves. */
async function work(threads: number, times: number, job: string, handles: Handles): Promise<Done[]> {
  const gate = new Int32Array(new SharedArrayBuffer(4))
  const workers = Array.from({ length: threads }, (_, index) => {
    const workerData = { job, index, times, seed: SEED + index, gate, handles }
    return new Worker(new URL('./stress.worker.mjs', import.meta.url), { workerData, execArgv: [] })
  })
  onTestFinished(async () => {
    await Promise.all(workers.map((worker) => worker.terminate()))
  })
  const failed = Promise.race(workers.map(async (worker) => Promise.reject((await once(worker, 'error'))[0])))
  const exits = workers.map((worker) => once(worker, 'exit'))
  await Promise.race([failed, Promise.all(workers.map((worker) => once(worker, 'message')))])
  const done = workers.map(async (worker) => (await once(worker, 'message'))[0] as Done)
  Atomics.store(gate, 0, 1)
  Atomics.notify(gate, 0)
  const all = await Promise.race([failed, Promise.all(done)])
  expect((await Promise.all(exits)).map(([code]) => code)).toEqual(workers.map(() => 0))
  return all
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

/** The queues of a test; capacity so small that they are full now and then. */
class Queues {
  readonly tickets = new TicketQueue({ capacity: 40 })
  readonly requests = new RequestQueue({ capacity: 40, slotBytes: 16 })

  get handles(): Handles {
    return { tickets: this.tickets.handle, requests: this.requests.handle }
  }

  /** Reads what is left, and compares with what the threads say. */
  check(done: readonly Done[]): void {
    const left = new Uint32Array(100)
    const decoder = new TextDecoder()
    const rest = {
      tickets: [...left.subarray(0, this.tickets.popMany(left))],
      requests: this.requests.popMany(100).map((bytes) => Number(decoder.decode(bytes))),
    }
    for (const kind of ['tickets', 'requests'] as const) {
      const accounts = done.map(({ accounts }) => accounts[kind])
      const total = (of: keyof Account): number => sum(accounts.map((account) => account[of]))
      expect(total('pushed')).toBeGreaterThan(0)
      expect(total('popped') + rest[kind].length, kind).toBe(total('pushed'))
      expect(total('poppedSum') + sum(rest[kind]), kind).toBe(total('pushedSum'))
      expect(total('outOfOrder'), `${kind} of one producer, in another order`).toBe(0)
      const { allocated, pushed, popped, producers } = this[kind].stats()
      expect({ allocated, pushed, popped }).toEqual({ allocated: 0, pushed: total('pushed'), popped: pushed })
      expect(producers, 'threads that have ended own nothing').toBe(0)
      this[kind].close()
      expect(this[kind].ended).toBe(true)
    }
  }
}

describe(`many threads (seed ${SEED})`, { timeout: TIMEOUT_MS }, () => {
  it('8 with 1,000 routes each: real requests, all answered, in exact turns', async () => {
    const servers = await startEndpoints(3)
    const balancer = balancerOver(servers, { policy: 'round-robin' })
    const done = await work(8, 1000, 'routes', { balancer: balancer.handle })
    for (const server of servers) {
      const answered = sum(done.map(({ answers }) => answers[server.name]))
      expect(answered).toBe(server.requests)
      expect(Math.abs(answered - 8000 / servers.length)).toBeLessThan(1)
    }
    const { requests, succeeded, failed, retried, inFlight } = balancer.stats().services['users']
    expect({ requests, succeeded, failed, retried, inFlight }).toEqual({
      requests: 8000,
      succeeded: 8000,
      failed: 0,
      retried: 0,
      inFlight: 0,
    })
  })

  it('16 with 500 queue operations each: everything comes out once, and in order', async () => {
    const queues = new Queues()
    queues.check(await work(16, 500, 'queueOperations', queues.handles))
  })

  it('8 with 500 topology updates each: none is lost, no slot is left over', async () => {
    const balancer = ownBalancer(configOf({ policy: 'least-request' }))
    const done = await work(8, 500, 'topologyUpdates', { balancer: balancer.handle })
    await balancer.synced()
    const present = balancer.service('users').endpoints.map(({ id }) => id)
    expect(present.sort()).toEqual([...URLS, ...done.flatMap(({ own }) => own)].sort())
    await until(() => slotsInUse(balancer.handle) === present.length + SERVICE_SLOTS)
    expect(balancer.inFlight).toBe(0)
  })

  it('12 with 300 of all each: every count agrees', async () => {
    const queues = new Queues()
    const balancer = ownBalancer(configOf({ policy: 'peak-ewma' }))
    const done = await work(12, 300, 'mixed', { ...queues.handles, balancer: balancer.handle })
    queues.check(done)
    await balancer.synced()
    const { requests, succeeded, failed, inFlight } = balancer.stats().services['users']
    expect(requests).toBe(sum(done.map(({ picks }) => picks)))
    expect({ ended: succeeded + failed, inFlight }).toEqual({ ended: requests, inFlight: 0 })
    const present = balancer.service('users').endpoints.map(({ id }) => id)
    expect(present.sort()).toEqual([...URLS, ...done.flatMap(({ own }) => own)].sort())
    await until(() => slotsInUse(balancer.handle) === present.length + SERVICE_SLOTS)
  })
})
