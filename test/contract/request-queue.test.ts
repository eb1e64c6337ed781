/** The queue of requests on each engine: what goes in comes out, once, in order, whole; and what is refused. */
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRequestMemory } from '../../lib/queue/request-memory.js'
import type { RequestQueue } from '../../lib/queue/request-queue.js'
import { numberOf, requestOf } from '../support/request-bytes.mjs'
import { seeded } from '../support/seeded.mjs'
import { queueClasses } from './queue-engines.js'

const SLOT_BYTES = 24

const requests = (from: number, count: number, slotBytes = SLOT_BYTES): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => requestOf(from + i, slotBytes))
const numbers = (batch: readonly Uint8Array[], slotBytes = SLOT_BYTES): number[] =>
  batch.map((request) => numberOf(request, slotBytes))
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function popAll(queue: RequestQueue, step = 1000): Uint8Array[] {
  const all: Uint8Array[] = []
  for (let batch = queue.popMany(step); batch.length > 0; batch = queue.popMany(step)) all.push(...batch)
  return all
}

describe.each(queueClasses)('RequestQueue on the $kind engine', ({ kind, Queue, Requests }) => {
  it.each([1, 2, 3, 4, 5, 63, 64, 65, 1000, 20_000])(
    'holds exactly its capacity of %i, singly and in batches',
    (capacity) => {
      const queue = new Requests({ capacity, slotBytes: SLOT_BYTES })
      const all = requests(0, capacity + 5)
      for (let round = 0; round < 4; round++) {
        if (round % 2 === 0) {
          for (let i = 0; i < capacity; i++) expect(queue.push(all[i])).toBe(true)
          expect(queue.push(all[0])).toBe(false)
        } else {
          expect(queue.pushMany(all)).toBe(capacity)
        }
        expect(queue.stats()).toMatchObject({ capacity, allocated: capacity, utilisation: 1 })
        expect(numbers(popAll(queue, 77))).toEqual(range(0, capacity))
        expect(queue.stats()).toMatchObject({ allocated: 0, pushed: capacity * (round + 1) })
      }
      // One for each single push, five for each batch.
      expect(queue.stats().pushFailures).toBe(2 * 1 + 2 * 5)
      expect(queue.stats().engine).toBe(kind)
    },
  )

  it.each([1, 7, 8, 9, 64, 300, 65_535, 65_536, 1_048_576])(
    'gives back requests of each length up to slots of %i bytes',
    (slotBytes) => {
      const queue = new Requests({ capacity: 20, slotBytes })
      const lengths = [...new Set([0, 1, 2, 7, 8, 9, slotBytes >> 1, slotBytes - 1, slotBytes])].filter(
        (length) => length <= slotBytes,
      )
      const all = lengths.map((length, i) => new Uint8Array(length).map((_, at) => (at * 7 + i * 31) & 0xff))
      for (let round = 0; round < 5; round++) {
        expect(queue.pushMany(all)).toBe(all.length)
        const out = popAll(queue, 1 + 3 * round)
        expect(out.map(({ length }) => length)).toEqual(lengths)
        out.forEach((request, i) => void expect(Buffer.compare(request, all[i])).toBe(0))
      }
    },
  )

  it('queues the bytes as they were at the push, and gives away bytes of its own', () => {
    const queue = new Requests({ capacity: 10, slotBytes: SLOT_BYTES })
    const bytes = Uint8Array.of(1, 2, 3)
    queue.push(bytes)
    queue.pushMany([bytes, Buffer.from('abcdef').subarray(2, 4)])
    bytes.fill(9)
    const [first, second, third] = queue.popMany(3)
    expect([first, second, third].map((one) => [...one])).toEqual([
      [1, 2, 3],
      [1, 2, 3],
      [99, 100],
    ])
    first.fill(0)
    for (let i = 0; i < 100; i++) {
      queue.push(Uint8Array.of(i, i, i, i))
      queue.popMany(1)[0].fill(0xff)
    }
    expect([...second, ...third]).toEqual([1, 2, 3, 99, 100])
  })

  it('keeps a request whole that another was copied beside, whatever their lengths', () => {
    // Of 32 KiB chunks: some share one, some do not fit what is left of it, some have their own.
    const slotBytes = 100_000
    const queue = new Requests({ capacity: 64, slotBytes })
    const lengths = [9, 8192, 8193, 100_000, 0, 5000, 5000, 5000, 5000, 20_000, 7, 8000, 8000, 8000, 8000, 1]
    const all = lengths.map((length, i) => new Uint8Array(length).fill(i + 1))
    for (const step of [1, 3, 100]) {
      for (let round = 0; round < 3; round++) expect(queue.pushMany(all)).toBe(all.length)
      const out = popAll(queue, step)
      expect(out.map(({ length }) => length)).toEqual([...lengths, ...lengths, ...lengths])
      out.forEach((request, i) => void expect(request.every((byte) => byte === (i % 16) + 1)).toBe(true))
      expect(out.every(({ byteOffset }) => byteOffset % 8 === 0)).toBe(true)
      expect(
        Math.max(...out.filter(({ length }) => length <= 8192).map(({ buffer }) => buffer.byteLength)),
      ).toBe(32_768)
    }
  })

  it('does not let go of other requests with one that is transferred', () => {
    const queue = new Requests({ capacity: 10, slotBytes: 8 })
    queue.pushMany(['a', 'b', 'c', 'd'])
    const [first, second] = queue.popMany(2)
    const { port1 } = new MessageChannel()
    try {
      port1.postMessage(first, [first.buffer as ArrayBuffer])
    } catch {
      // Later versions of Node say that it cannot be transferred, Node 20 copies.
    }
    port1.close()
    expect(text(second)).toBe('b')
    const { transfer } = ArrayBuffer.prototype as { transfer?: () => ArrayBuffer }
    transfer?.call(second.buffer)
    expect(popAll(queue, 1).map(text)).toEqual(['c', 'd'])
  })

  it('queues strings as UTF-8', () => {
    const queue = new Requests({ capacity: 10, slotBytes: 8 })
    const strings = ['', 'a', 'exactly8', 'äöü', '€€', '😀😀', '\ud800']
    expect(queue.pushMany(strings)).toBe(strings.length)
    expect(queue.push('one')).toBe(true)
    expect(popAll(queue).map(text)).toEqual(['', 'a', 'exactly8', 'äöü', '€€', '😀😀', '\ufffd', 'one'])
    expect(() => queue.push('€€€')).toThrow(/the request has 9 bytes, and this queue takes up to 8/)
  })

  it('refuses what does not fit, and what is no request, and then accepts none of a list', () => {
    const queue = new Requests({ capacity: 10, slotBytes: 8 })
    const fault = (message: RegExp) =>
      expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT', message: expect.stringMatching(message) })
    expect(() => queue.push(new Uint8Array(9))).toThrow(fault(/^push: the request has 9 bytes.* up to 8/))
    expect(() => queue.pushMany(['a', 'b', '123456789'])).toThrow(
      fault(/request number 2 of the list has 9 bytes/),
    )
    for (const wrong of [7, null, undefined, {}, new Uint16Array(1), new ArrayBuffer(1), ['a']] as never[]) {
      expect(() => queue.push(wrong)).toThrow(fault(/takes a Uint8Array, or a string/))
      expect(() => queue.pushMany(['a', wrong])).toThrow(fault(/request number 1 of the list is/))
    }
    for (const wrong of ['ab', new Uint8Array(2), undefined] as never[])
      expect(() => queue.pushMany(wrong)).toThrow(fault(/requests come in an array/))
    for (const wrong of [-1, 1.5, '1', undefined, Number.NaN] as never[])
      expect(() => queue.popMany(wrong)).toThrow(fault(/how many requests/))
    expect(queue.stats()).toMatchObject({ allocated: 0, pushed: 0 })
    expect([queue.pushMany([]), queue.popMany(0), queue.popMany(5)]).toEqual([0, [], []])
  })

  it('refuses a capacity, slotBytes or memory out of range', () => {
    const fault = (message: RegExp) =>
      expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT', message: expect.stringMatching(message) })
    for (const capacity of [0, -1, 1.5, 8_388_609, '10', undefined] as never[])
      expect(() => new Requests({ capacity, slotBytes: 8 })).toThrow(fault(/^capacity is/))
    for (const slotBytes of [0, -1, 1.5, 1_048_577, '10', undefined] as never[])
      expect(() => new Requests({ capacity: 8, slotBytes })).toThrow(fault(/^slotBytes is/))
    expect(() => new Requests({ capacity: 1_000_000, slotBytes: 65_536 })).toThrow(
      fault(/capacity 1000000 and slotBytes 65536 come to \d+ bytes, more than the 2147483648/),
    )
    expect(() => new Requests(undefined as never)).toThrow(fault(/takes an object/))
  })

  it('lets what is queued be read after close(), and takes nothing more', () => {
    const queue = new Requests({ capacity: 10, slotBytes: 8 })
    queue.push('a')
    queue.close()
    const closed = expect.objectContaining({
      code: 'FAIRLEAD_CLOSED',
      message: expect.stringContaining('RequestQueue'),
    })
    expect(() => queue.push('b')).toThrow(closed)
    expect(() => queue.pushMany(['b'])).toThrow(closed)
    expect(queue.ended).toBe(false)
    expect(popAll(queue).map(text)).toEqual(['a'])
    expect(queue.ended).toBe(true)
  })

  it('goes on over the wrap of its positions', () => {
    const memory = createRequestMemory(1000, SLOT_BYTES, kind, -1024)
    const queue = Requests.attach(memory.handle)
    for (let round = 0; round < 10; round++) {
      expect(queue.pushMany(requests(round * 700, 700))).toBe(700)
      expect(numbers(popAll(queue, 300))).toEqual(range(round * 700, 700))
    }
    expect(queue.pushMany(requests(0, 2000))).toBe(1000)
    expect(queue.stats()).toMatchObject({ pushed: 8000, popped: 7000, allocated: 1000 })
  })

  it('refuses handles that are not its own, those of the other kind of queue too', () => {
    const { handle } = new Requests({ capacity: 10, slotBytes: 8 })
    const tickets = new Queue({ capacity: 10 }).handle
    const { type } = handle
    const wrong: [unknown, RegExp][] = [
      [undefined, /not the handle of a RequestQueue/],
      [tickets, /handle of a TicketQueue, not of a RequestQueue; TicketQueue.attach takes it/],
      [{ ...tickets, type }, /memory of this RequestQueue handle is that of a TicketQueue/],
      [{ ...handle, version: 99 }, /layout version 99/],
      [{ ...handle, engine: kind === 'native' ? 'fallback' : 'native' }, /engine/],
      [{ ...handle, memory: new SharedArrayBuffer(4096) }, /first word is wrong/],
      [
        { ...handle, memory: handle.memory.slice(0, -64) },
        /does not fit its capacity of 10 slots of 8 bytes/,
      ],
    ]
    for (const [bad, message] of wrong) {
      expect(() => Requests.attach(bad as never)).toThrow(
        expect.objectContaining({ code: 'FAIRLEAD_HANDLE', message: expect.stringMatching(message) }),
      )
    }
    expect(() => Queue.attach(handle as never)).toThrow(
      /handle of a RequestQueue, not of a TicketQueue; RequestQueue.attach takes it/,
    )
    expect(() => Queue.attach({ ...handle, type: tickets.type } as never)).toThrow(
      /is that of a RequestQueue/,
    )
  })

  it('is one queue for all that attach in this thread', () => {
    const queue = new Requests({ capacity: 10, slotBytes: 8 })
    const same = Requests.attach(structuredClone(queue.handle))
    expect([queue.push('1'), same.push('2'), queue.push('3')]).toEqual([true, true, true])
    expect(popAll(same).map(text)).toEqual(['1', '2', '3'])
  })

  it('agrees with an array over random operations', () => {
    const seed = Math.floor(Math.random() * 1e9)
    const below = seeded(seed)
    const slotBytes = 4 + below(200)
    const capacity = 1 + below(700)
    const queue = new Requests({ capacity, slotBytes })
    const model: number[] = []
    let next = 0
    for (let step = 0; step < 3000; step++) {
      const label = `seed ${seed}, step ${step}`
      if (below(2) === 0) {
        const count = 1 + below(1 + below(200))
        const batch = requests(next, count, slotBytes)
        const taken = count === 1 ? Number(queue.push(batch[0])) : queue.pushMany(batch)
        expect(taken, label).toBe(Math.min(count, capacity - model.length))
        for (let i = 0; i < taken; i++) model.push(next + i)
        next += taken
      } else {
        const most = 1 + below(1 + below(400))
        expect(numbers(queue.popMany(most), slotBytes), label).toEqual(model.splice(0, most))
      }
      expect(queue.stats().allocated, label).toBe(model.length)
    }
  })

  it('read() and `for await` give what comes until the end', async () => {
    const queue = new Requests({ capacity: 100, slotBytes: 8 })
    const reading = queue.read(2)
    queue.pushMany(['a', 'b', 'c'])
    expect((await reading).map(text)).toEqual(['a', 'b'])
    const got: string[] = []
    const loop = (async () => {
      for await (const batch of queue) got.push(...batch.map(text))
    })()
    await new Promise((resolve) => setImmediate(resolve))
    queue.push('d')
    queue.close()
    await loop
    expect(got).toEqual(['c', 'd'])
    expect(await queue.read()).toEqual([])
    expect(() => queue.read(0)).toThrow(expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }))
    expect(() => queue.popWait(1, 0)).toThrow(/main thread/)
  })

  // Few lanes are looked at one by one; many, in the native engine, are found by their handles.
  it.each([
    { producers: 2, each: 60_000, capacity: 5000, slotBytes: 40 },
    { producers: 10, each: 8_000, capacity: 300, slotBytes: 200 },
    { producers: 2, each: 6_000, capacity: 12, slotBytes: 3000 },
  ])(
    'over threads loses, doubles and tears nothing, and keeps each producer’s order: %j',
    { timeout: 60_000 },
    async ({ producers, each, capacity, slotBytes }) => {
      const queue = new Requests({ capacity, slotBytes })
      const results = new SharedArrayBuffer(4 * producers * each)
      const run = (role: string, index: number) =>
        new Promise<{ popped: number; ordered: boolean; whole: boolean; stays: boolean }>(
          (resolve, reject) => {
            const worker = new Worker(new URL('./request-queue.worker.mjs', import.meta.url), {
              workerData: { role, index, each, producers, slotBytes, handle: queue.handle, results },
              env: { ...process.env, FAIRLEAD_ENGINE: kind },
            })
            onTestFinished(async () => void (await worker.terminate()))
            worker.once('message', resolve)
            worker.once('error', reject)
          },
        )
      const consuming = ['consume', 'blocked', 'loop'].map(run)
      await Promise.all(Array.from({ length: producers }, (_, i) => run('produce', i)))
      queue.close()
      const reports = await Promise.all(consuming)
      expect(reports.map(({ ordered, whole, stays }) => ({ ordered, whole, stays }))).toEqual(
        reports.map(() => ({ ordered: true, whole: true, stays: true })),
      )
      expect(reports.reduce((sum, { popped }) => sum + popped, 0)).toBe(producers * each)
      // Each request was counted exactly once.
      expect(new Int32Array(results).every((count) => count === 1)).toBe(true)
      expect(queue.stats()).toMatchObject({ allocated: 0, pushed: producers * each, closed: true })
    },
  )
})
