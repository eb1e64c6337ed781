import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fallbackQueueEngine } from '../../lib/queue/engine.js'
import { createQueueMemory, openQueueMemory } from '../../lib/queue/memory.js'
import type { TicketQueue } from '../../lib/queue/ticket-queue.js'
import { seeded } from '../support/seeded.mjs'
import { queueClasses } from './queue-engines.js'

const range = (from: number, count: number): Uint32Array =>
  Uint32Array.from({ length: count }, (_, i) => from + i)

function popAll(queue: TicketQueue, step = 1000): number[] {
  const out = new Uint32Array(step)
  const all: number[] = []
  for (let n = queue.popMany(out); n > 0; n = queue.popMany(out)) all.push(...out.subarray(0, n))
  return all
}

describe.each(queueClasses)('TicketQueue on the $kind engine', ({ kind, Queue }) => {
  it.each([1, 2, 15, 16, 17, 255, 256, 257, 1000, 4096, 10_000])(
    'holds exactly its capacity of %i, singly and in batches',
    (capacity) => {
      const queue = new Queue({ capacity })
      for (let round = 0; round < 4; round++) {
        if (round % 2 === 0) {
          for (let i = 0; i < capacity; i++) expect(queue.push(i)).toBe(true)
          expect(queue.push(7)).toBe(false)
        } else {
          expect(queue.pushMany(range(0, capacity + 5))).toBe(capacity)
        }
        expect(queue.stats()).toMatchObject({ capacity, allocated: capacity, utilisation: 1 })
        expect(popAll(queue, 77)).toEqual([...range(0, capacity)])
        expect(queue.stats()).toMatchObject({
          allocated: 0,
          pushed: capacity * (round + 1),
          popped: capacity * (round + 1),
        })
      }
      // One for each single push, five for each batch.
      expect(queue.stats().pushFailures).toBe(2 * 1 + 2 * 5)
      expect(queue.stats().engine).toBe(kind)
    },
  )

  it('holds exactly its capacity at one push per turn of the event loop', async () => {
    const queue = new Queue({ capacity: 40 })
    for (let i = 0; i < 40; i++) {
      expect(queue.push(i)).toBe(true)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(queue.push(40)).toBe(false)
    expect(popAll(queue)).toEqual([...range(0, 40)])
  })

  it('takes every 32-bit number, and refuses anything else', () => {
    const queue = new Queue({ capacity: 10 })
    for (const ticket of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff]) expect(queue.push(ticket)).toBe(true)
    expect(popAll(queue)).toEqual([0, 1, 0x7fffffff, 0x80000000, 0xffffffff])
    for (const wrong of [-1, 0.5, 2 ** 32, Number.NaN, '1', undefined, null, 1n, {}]) {
      expect(() => queue.push(wrong as number)).toThrow(
        expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }),
      )
    }
    for (const wrong of [[1], new Int32Array(1), undefined] as unknown[]) {
      expect(() => queue.pushMany(wrong as Uint32Array)).toThrow(
        expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }),
      )
      expect(() => queue.popMany(wrong as Uint32Array)).toThrow(
        expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }),
      )
    }
    expect(queue.stats().allocated).toBe(0)
  })

  it.each([0, -1, 1.5, 8_388_609, Number.NaN, '10', undefined])('refuses a capacity of %s', (capacity) => {
    expect(() => new Queue({ capacity } as never)).toThrow(
      expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }),
    )
  })

  it('holds 4,194,304 items and gives them back in order', () => {
    const queue = new Queue({ capacity: 4_194_304 })
    expect(queue.pushMany(range(0, 4_194_305))).toBe(4_194_304)
    const out = new Uint32Array(4_194_304)
    expect(queue.popMany(out)).toBe(4_194_304)
    expect(out.every((ticket, i) => ticket === i)).toBe(true)
    expect(queue.stats().allocated).toBe(0)
  })

  it('lets what is queued be read after close(), and takes nothing more', () => {
    const queue = new Queue({ capacity: 10 })
    queue.push(1)
    queue.close()
    expect(() => queue.push(2)).toThrow(expect.objectContaining({ code: 'FAIRLEAD_CLOSED' }))
    expect(() => queue.pushMany(range(0, 2))).toThrow(expect.objectContaining({ code: 'FAIRLEAD_CLOSED' }))
    expect(popAll(queue)).toEqual([1])
    expect(queue.stats()).toMatchObject({ closed: true, allocated: 0 })
  })

  it('goes on over the wrap of its positions', () => {
    const memory = createQueueMemory(1000, kind, -1024)
    const queue = Queue.attach(memory.handle)
    for (let round = 0; round < 10; round++) {
      expect(queue.pushMany(range(round * 700, 700))).toBe(700)
      expect(popAll(queue, 300)).toEqual([...range(round * 700, 700)])
    }
    expect(queue.pushMany(range(0, 2000))).toBe(1000)
    expect(queue.stats()).toMatchObject({ pushed: 8000, popped: 7000, allocated: 1000 })
  })

  it('refuses handles that are not its own, and says why', () => {
    const { handle } = new Queue({ capacity: 10 })
    const wrong: [unknown, RegExp][] = [
      [undefined, /not the handle of a TicketQueue/],
      [{}, /not the handle/],
      [{ ...handle, version: 99 }, /layout version 99/],
      [{ ...handle, engine: kind === 'native' ? 'fallback' : 'native' }, /engine/],
      [{ ...handle, memory: new SharedArrayBuffer(4096) }, /first word is wrong/],
      [{ ...handle, memory: new SharedArrayBuffer(10) }, /no size of a queue/],
      [{ ...handle, memory: new ArrayBuffer(4096) }, /no shared memory/],
    ]
    for (const [bad, message] of wrong) {
      expect(() => Queue.attach(bad as never)).toThrow(
        expect.objectContaining({ code: 'FAIRLEAD_HANDLE', message: expect.stringMatching(message) }),
      )
    }
    const truncated = new SharedArrayBuffer(handle.memory.byteLength - 64)
    new Uint8Array(truncated).set(new Uint8Array(handle.memory, 0, truncated.byteLength))
    expect(() => Queue.attach({ ...handle, memory: truncated })).toThrow(/does not fit its capacity/)
  })

  it('is one queue for all that attach in this thread', () => {
    const queue = new Queue({ capacity: 10 })
    const same = Queue.attach(structuredClone(queue.handle))
    expect([queue.push(1), same.push(2), queue.push(3)]).toEqual([true, true, true])
    expect(popAll(same)).toEqual([1, 2, 3])
  })

  it('agrees with an array over random operations', () => {
    const seed = Math.floor(Math.random() * 1e9)
    const below = seeded(seed)
    const random = () => below(1 << 20) / (1 << 20)
    const capacity = 1 + Math.floor(random() * 700)
    const queue = new Queue({ capacity })
    const model: number[] = []
    let next = 0
    for (let step = 0; step < 5000; step++) {
      const label = `seed ${seed}, step ${step}`
      if (random() < 0.5) {
        const count = 1 + Math.floor(random() ** 3 * 900)
        const taken = count === 1 ? Number(queue.push(next)) : queue.pushMany(range(next, count))
        expect(taken, label).toBe(Math.min(count, capacity - model.length))
        for (let i = 0; i < taken; i++) model.push(next + i)
        next += taken
      } else {
        const out = new Uint32Array(1 + Math.floor(random() ** 2 * 500))
        const count = queue.popMany(out)
        expect([...out.subarray(0, count)], label).toEqual(model.splice(0, out.length))
      }
      expect(queue.stats().allocated, label).toBe(model.length)
    }
  })

  // Few lanes are looked at one by one; many, in the native engine, are found by their handles.
  it.each([
    { producers: 2, consumers: 2, each: 500_000 },
    { producers: 10, consumers: 2, each: 50_000 },
  ])(
    'over $producers + $consumers threads loses nothing, doubles nothing, and keeps each producer’s order',
    {
      timeout: 60_000,
    },
    async ({ producers, consumers, each }) => {
      const queue = new Queue({ capacity: 10_000 })
      const results = new SharedArrayBuffer(4 * producers * each)
      const run = (role: string, index: number) =>
        new Promise<{ popped: number; ordered: boolean }>((resolve, reject) => {
          const worker = new Worker(new URL('./ticket-queue.worker.mjs', import.meta.url), {
            workerData: { role, index, each, producers, handle: queue.handle, results },
            env: { ...process.env, FAIRLEAD_ENGINE: kind },
          })
          onTestFinished(async () => void (await worker.terminate()))
          worker.once('message', resolve)
          worker.once('error', reject)
        })
      const consuming = Array.from({ length: consumers }, (_, i) => run('consume', i))
      await Promise.all(Array.from({ length: producers }, (_, i) => run('produce', i)))
      queue.close()
      const reports = await Promise.all(consuming)
      expect(reports.every(({ ordered }) => ordered)).toBe(true)
      expect(reports.reduce((sum, { popped }) => sum + popped, 0)).toBe(producers * each)
      // Each ticket was counted exactly once.
      expect(new Int32Array(results).every((count) => count === 1)).toBe(true)
      expect(queue.stats()).toMatchObject({
        allocated: 0,
        pushed: producers * each,
        popped: producers * each,
        closed: true,
      })
    },
  )

  it('reads each producer’s block in turn, also where each pop takes as much as it wants', {
    timeout: 30_000,
  }, async () => {
    const queue = new Queue({ capacity: 5000 })
    // The first lane is this thread's, the second the worker's; blocks hold 256.
    queue.pushMany(range(10_000, 2000))
    queue.flush()
    const worker = new Worker(new URL('./ticket-queue.worker.mjs', import.meta.url), {
      workerData: { role: 'push-many', each: 2000, handle: queue.handle },
      env: { ...process.env, FAIRLEAD_ENGINE: kind },
    })
    onTestFinished(async () => void (await worker.terminate()))
    await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    const into = new Uint32Array(64)
    const own: boolean[] = []
    let popped = 0
    for (let count = queue.popMany(into); count > 0; count = queue.popMany(into)) {
      own.push(into[0] >= 10_000)
      popped += count
    }
    const turns = own.filter((isOwn, i) => i > 0 && isOwn !== own[i - 1]).length
    expect(popped).toBe(4000)
    expect(turns).toBeGreaterThan(2 * (2000 / 256) - 3)
  })

  it('makes what a producer has accepted readable when it finds the queue full, within its turn', {
    timeout: 30_000,
  }, async () => {
    const queue = new Queue({ capacity: 10 })
    const results = new SharedArrayBuffer(8)
    const worker = new Worker(new URL('./ticket-queue.worker.mjs', import.meta.url), {
      workerData: { role: 'fill', handle: queue.handle, results },
      env: { ...process.env, FAIRLEAD_ENGINE: kind },
    })
    onTestFinished(async () => void (await worker.terminate()))
    while (Atomics.load(new Int32Array(results), 0) === 0)
      await new Promise((resolve) => setTimeout(resolve, 5))
    expect(popAll(queue)).toHaveLength(10)
  })

  it('refuses exactly at its capacity while another thread holds credit it does not use', {
    timeout: 30_000,
  }, async () => {
    const queue = new Queue({ capacity: 1000 })
    const worker = new Worker(new URL('./ticket-queue.worker.mjs', import.meta.url), {
      workerData: { role: 'push-one', handle: queue.handle },
      env: { ...process.env, FAIRLEAD_ENGINE: kind },
    })
    onTestFinished(async () => void (await worker.terminate()))
    await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    expect(queue.stats()).toMatchObject({ allocated: 1, producers: 1 })
    expect(queue.pushMany(range(0, 2000))).toBe(999)
    expect(queue.push(1)).toBe(false)
    expect(queue.stats().allocated).toBe(1000)
  })
})

it('the fallback refuses memory of the native engine', () => {
  const { handle } = createQueueMemory(10, 'native')
  expect(() => openQueueMemory(handle, fallbackQueueEngine.kind)).toThrow(/made by the "?native"? engine/)
})
