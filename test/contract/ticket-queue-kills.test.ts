/** Threads that end in the middle of pushing and popping; on each engine. `npm run test:soak` does it a thousand times. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fallbackQueueEngine } from '../../lib/queue/engine.js'
import { LANE, laneWord, QUEUE_HEADER } from '../../lib/queue/layout.js'
import { createQueueMemory, type TicketQueueHandle } from '../../lib/queue/memory.js'
import { repairCredit } from '../../lib/queue/repair.js'
import { killThreads } from '../support/queue-kills.js'
import { seeded } from '../support/seeded.mjs'
import { queueClasses, queueClassOn } from './queue-engines.js'

const SEED = 7
const CAPACITY = 100
const TINY = 10

const Fallback = queueClassOn(fallbackQueueEngine)

describe.each(queueClasses)('a TicketQueue whose threads are terminated, $kind engine', ({ kind, Queue }) => {
  it.each([
    ['while they push', false, 50],
    ['while they push and pop', true, 50],
    ['while they push to a queue of many blocks', false, 20_000],
  ])('keeps its items and its capacity (%s)', { timeout: 60_000 }, async (_what, pops, capacity) => {
    const report = await killThreads(new Queue({ capacity }), kind, 15, pops, SEED)
    expect(report.popped).toBeGreaterThan(0)
  })

  it('is of use at once to threads that cannot hear of an end: those that spin, block, or come later', {
    timeout: 60_000,
  }, async () => {
    // No queue object in this thread, so that it does nothing itself. Less than a block: nothing gets published of itself.
    const { handle } = createQueueMemory(TINY, kind)
    const hoarding = await startKilled(handle, kind, 'hoards')
    const spinning = await startKilled(handle, kind, 'spins until it may push')
    const pushed = posted(spinning)
    await hoarding.terminate()
    expect(await pushed).toBe(TINY)

    const blocked = await startKilled(handle, kind, 'waits until the end')
    const waited = posted(blocked)
    const holding = await startKilled(handle, kind, 'holds a little')
    const closing = await startKilled(handle, kind, 'closes')
    await closing.terminate()
    await holding.terminate()
    expect(await waited).toEqual({ popped: TINY, ended: true })
    await Promise.all([spinning.terminate(), blocked.terminate()])
    expect(Queue.attach(handle).stats()).toMatchObject({ allocated: 0, producers: 0 })
  })

  it('takes no process with it whose thread is terminated in its constructor', {
    timeout: 60_000,
  }, async () => {
    const { handle } = createQueueMemory(TINY, kind)
    const random = seeded(SEED)
    // Without NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS (cmake/addon.cmake) the process ends within the first few.
    for (let kill = 0; kill < 40; kill++) {
      const making = await startKilled(handle, kind, 'makes queues')
      await sleep(random(6))
      expect(await making.terminate()).toBe(1)
    }
  })

  it('is put in order once where many hear of an end', { timeout: 60_000 }, async () => {
    const { handle } = createQueueMemory(CAPACITY, kind)
    const listening = await Promise.all([1, 2, 3].map(() => startKilled(handle, kind, 'listens')))
    for (let round = 0; round < 5; round++) {
      const ending = await Promise.all([1, 2, 3].map(() => startKilled(handle, kind, 'holds a little')))
      await Promise.all(ending.map((worker) => worker.terminate()))
    }
    const queue = Queue.attach(handle)
    await expect.poll(() => queue.stats().producers, { timeout: 10_000 }).toBe(0)
    await expect.poll(() => queue.pushMany(new Uint32Array(2 * CAPACITY)), { timeout: 10_000 }).toBe(CAPACITY)
    await Promise.all(listening.map((worker) => worker.terminate()))
  })
})

describe('credits that were in the hand of a thread that ended, fallback engine', () => {
  it('are found again, and only those', () => {
    const memory = createQueueMemory(CAPACITY, 'fallback')
    const queue = Fallback.attach(memory.handle)
    queue.pushMany(new Uint32Array(30))
    queue.popMany(new Uint32Array(10))
    // As a thread leaves it that is stopped after it took seven credits and before it put them into its lane.
    Atomics.add(memory.words, QUEUE_HEADER.RESERVED, 7)
    expect(repairCredit(memory)).toBe(true)
    expect(repairCredit(memory)).toBe(true)
    expect(queue.pushMany(new Uint32Array(200))).toBe(80)
    expect(queue.push(1)).toBe(false)
  })

  it('are told from those that a living thread has in hand', () => {
    const memory = createQueueMemory(CAPACITY, 'fallback')
    const queue = Fallback.attach(memory.handle)
    queue.push(1)
    const reserved = Atomics.add(memory.words, QUEUE_HEADER.RESERVED, 7) + 7
    const intent = laneWord(0) + LANE.INTENT
    Atomics.add(memory.words, intent, 1)
    expect(repairCredit(memory)).toBe(false)
    expect(Atomics.load(memory.words, QUEUE_HEADER.RESERVED)).toBe(reserved)
    Atomics.add(memory.words, intent, 1)
    expect(repairCredit(memory)).toBe(true)
    expect(Atomics.load(memory.words, QUEUE_HEADER.RESERVED)).toBe(reserved - 7)
  })

  it('are found while producers spin on the full queue', { timeout: 60_000 }, async () => {
    const memory = createQueueMemory(CAPACITY, 'fallback')
    // All of them: nobody can push, and nothing is there to pop.
    Atomics.add(memory.words, QUEUE_HEADER.RESERVED, CAPACITY)
    const spinning = await Promise.all(
      [1, 2, 3].map(() => startKilled(memory.handle, 'fallback', 'spins until it may push')),
    )
    const served = Promise.race(spinning.map(posted))
    await expect.poll(() => repairCredit(memory), { timeout: 20_000 }).toBe(true)
    expect(await served).toBeGreaterThan(0)
  })

  it('are found although those that look for them are terminated', { timeout: 60_000 }, async () => {
    const memory = createQueueMemory(CAPACITY, 'fallback')
    const queue = Fallback.attach(memory.handle)
    for (let round = 0; round < 10; round++) {
      const repairing = await Promise.all(
        [1, 2].map(() => startKilled(memory.handle, 'fallback', 'repairs for ever')),
      )
      Atomics.add(memory.words, QUEUE_HEADER.RESERVED, 3)
      for (const worker of repairing) await worker.terminate()
    }
    await expect.poll(() => repairCredit(memory), { timeout: 10_000 }).toBe(true)
    expect(Atomics.load(memory.words, QUEUE_HEADER.REPAIRER)).toBe(0)
    expect(queue.pushMany(new Uint32Array(200))).toBe(CAPACITY)
  })
})

/** Resolves once the worker is at its work. */
async function startKilled(handle: TicketQueueHandle, engine: string, role: string): Promise<Worker> {
  const worker = new Worker(new URL('./ticket-queue-kills.worker.mjs', import.meta.url), {
    workerData: { handle, role },
    env: { ...process.env, FAIRLEAD_ENGINE: engine },
  })
  onTestFinished(async () => void (await worker.terminate()))
  await once(worker, 'message')
  return worker
}

const posted = async (worker: Worker): Promise<unknown> => (await once(worker, 'message'))[0]
