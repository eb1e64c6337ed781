/** Requests that are read in place, on each engine: they stay what they are until they are released, and cost no capacity. */
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { QUEUE_SIZES } from '../../lib/queue/layout.js'
import { createRequestMemory } from '../../lib/queue/request-memory.js'
import type { RequestQueue } from '../../lib/queue/request-queue.js'
import type { RequestViews } from '../../lib/queue/request-views.js'
import { numberOf, requestOf } from '../support/request-bytes.mjs'
import { seeded } from '../support/seeded.mjs'
import { queueClasses } from './queue-engines.js'

const SLOT_BYTES = 24
const VIEWS = { views: true } as const

const requests = (from: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => requestOf(from + i, SLOT_BYTES))
const numbers = (batch: Iterable<Uint8Array>): number[] =>
  Array.from(batch, (request) => numberOf(request, SLOT_BYTES))
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)

/** Fills the queue, which is empty, and empties it, `rounds` times: all of the capacity is there. */
function circulate(queue: RequestQueue, from: number, capacity: number, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    const first = from + round * capacity
    expect(queue.pushMany(requests(first, capacity + 3))).toBe(capacity)
    expect(numbers(queue.popMany(capacity + 3))).toEqual(range(first, capacity))
  }
}

function holdOneEach(queue: RequestQueue, batches: number): RequestViews[] {
  return Array.from({ length: batches }, () => queue.popMany(1, VIEWS))
}

describe.each(queueClasses)('Views of requests on the $kind engine', ({ kind, Requests }) => {
  it('are of one block, in order, over the memory of the queue', () => {
    const queue = new Requests({ capacity: 20, slotBytes: SLOT_BYTES })
    queue.pushMany(requests(0, 10))
    const first = queue.popMany(3, VIEWS)
    const second = queue.popMany(100, VIEWS)
    const third = queue.popMany(100, VIEWS)
    expect([numbers(first), numbers(second), numbers(third)]).toEqual([[0, 1, 2], [3], [4, 5, 6, 7]])
    expect(third).toHaveLength(4)
    for (const view of third.requests) expect(view.buffer).toBe(queue.handle.memory)
    expect(numbers(queue.popMany(100))).toEqual([8, 9])
    const none = queue.popMany(100, VIEWS)
    expect([none.length, [...none], none.requests]).toEqual([0, [], []])
    none.release()
    expect(none.requests).toEqual([])
    expect(queue.popMany(0, VIEWS)).toHaveLength(0)
    expect(queue.stats()).toMatchObject({ allocated: 0, popped: 10 })
  })

  it('are not to be had after release(), which may be called again', () => {
    const queue = new Requests({ capacity: 20, slotBytes: SLOT_BYTES })
    queue.pushMany(requests(0, 8))
    const views = queue.popMany(4, VIEWS)
    views.release()
    views.release()
    expect(() => views.requests).toThrow(expect.objectContaining({ code: 'FAIRLEAD_CLOSED' }))
    expect(() => [...views]).toThrow(/released/)
    const others = queue.popMany(4, VIEWS)
    // Not the holder that these have now.
    views.release()
    circulate(queue, 100, 20, 10)
    expect(numbers(others)).toEqual([4, 5, 6, 7])
    others[Symbol.dispose]()
    expect(() => others.requests).toThrow(/released/)
  })

  it('stay what they are while all that there can be are held, and the queue holds all of its capacity', () => {
    const capacity = 150
    const queue = new Requests({ capacity, slotBytes: SLOT_BYTES })
    queue.pushMany(requests(0, capacity))
    // The first eight in two blocks, the others in one each.
    const held = [...holdOneEach(queue, 8)]
    while (held.length < QUEUE_SIZES.HOLDERS) held.push(queue.popMany(4, VIEWS))
    const before = held.map(numbers)
    expect(before.flat()).toEqual(range(0, 8 + 24 * 4))
    queue.popMany(capacity)
    circulate(queue, 1000, capacity, 6)
    expect(held.map(numbers)).toEqual(before)
    for (const [i, views] of held.entries()) {
      if (i % 3 === 0) continue
      views.release()
      circulate(queue, 10_000 * (i + 1), capacity, 1)
    }
    const still = held.filter((_, i) => i % 3 === 0)
    expect(still.map(numbers)).toEqual(before.filter((_, i) => i % 3 === 0))
    for (const views of still) views.release()
    circulate(queue, 900_000, capacity, 6)
  })

  it('outlive many rounds of others that are held for a while, and whose blocks come back', () => {
    const capacity = 30
    const queue = new Requests({ capacity, slotBytes: SLOT_BYTES })
    queue.pushMany(requests(0, capacity))
    const kept = holdOneEach(queue, 5)
    queue.popMany(capacity)
    const sliding: RequestViews[] = []
    // Each round leaves a block behind that is held until 25 rounds later; there are some 170 blocks.
    for (let round = 1; round < 600; round++) {
      expect(queue.pushMany(requests(round * capacity, capacity + 1))).toBe(capacity)
      sliding.push(queue.popMany(1 + (round % 4), VIEWS))
      expect(queue.popMany(capacity)).toHaveLength(capacity - sliding[sliding.length - 1].length)
      if (sliding.length < 25) continue
      const [views] = sliding.splice(0, 1)
      expect(numbers(views)[0]).toBe((round - 24) * capacity)
      views.release()
      expect(kept.flatMap(numbers)).toEqual([0, 1, 2, 3, 4])
    }
  })

  it('are refused where all that there can be are held, and nothing is popped then', () => {
    const queue = new Requests({ capacity: 100, slotBytes: SLOT_BYTES })
    queue.pushMany(requests(0, 100))
    const held = holdOneEach(queue, QUEUE_SIZES.HOLDERS)
    expect(() => queue.popMany(1, VIEWS)).toThrow(
      expect.objectContaining({
        code: 'FAIRLEAD_OVERLOADED',
        message: expect.stringMatching(/32 batches.*release/),
      }),
    )
    expect(numbers(queue.popMany(1))).toEqual([QUEUE_SIZES.HOLDERS])
    held[7].release()
    expect(numbers(queue.popMany(1, VIEWS))).toEqual([QUEUE_SIZES.HOLDERS + 1])
  })

  it('take { views: true } and nothing else', () => {
    const queue = new Requests({ capacity: 10, slotBytes: SLOT_BYTES })
    queue.push('one')
    for (const options of [true, 'views', null, {}, { views: false }]) {
      expect(() => queue.popMany(1, options as never)).toThrow(/popMany\(\.\.\., .*\{ views: true \}/)
      expect(() => queue.popWait(1, 0, options as never)).toThrow(/popWait\(\.\.\., .*\{ views: true \}/)
    }
    expect(() => queue.popMany(-1, VIEWS)).toThrow(/popMany\(-1\)/)
    expect(() => queue.popWait(1, 0, VIEWS)).toThrow(/main thread/)
    expect(queue.stats().allocated).toBe(1)
  })

  it('agree with an array over random operations, over the wrap of positions', () => {
    const below = seeded(1)
    for (const capacity of [1, 5, 40, 300]) {
      const queue = new Requests(createRequestMemory(capacity, SLOT_BYTES, kind, -256))
      const model: number[] = []
      const held: { views: RequestViews; expected: number[] }[] = []
      let next = 0
      for (let step = 0; step < 1500; step++) {
        const choice = below(10)
        if (choice < 4) {
          const accepted = queue.pushMany(requests(next, below(capacity + 10)))
          model.push(...range(next, accepted))
          next += accepted
          expect(queue.stats().allocated).toBe(model.length)
        } else if (choice < 6) {
          const count = below(50)
          expect(numbers(queue.popMany(count))).toEqual(model.splice(0, count))
        } else if (choice < 8 && held.length < QUEUE_SIZES.HOLDERS) {
          const most = 1 + below(8)
          const views = queue.popMany(most, VIEWS)
          expect(views.length).toBeLessThanOrEqual(most)
          expect(views.length > 0).toBe(model.length > 0)
          const expected = model.splice(0, views.length)
          if (views.length > 0) held.push({ views, expected })
        } else if (held.length > 0) {
          const { views, expected } = held.splice(below(held.length), 1)[0]
          expect(numbers(views)).toEqual(expected)
          views.release()
        }
        if (step % 100 === 0) {
          for (const { views, expected } of held) expect(numbers(views)).toEqual(expected)
          // All of the capacity is there, whatever is held.
          const room = capacity - model.length
          expect(queue.pushMany(requests(next, room + 1))).toBe(room)
          model.push(...range(next, room))
          next += room
        }
      }
    }
  })

  it.each([
    { producers: 2, each: 40_000, capacity: 2000, slotBytes: 40 },
    { producers: 3, each: 3000, capacity: 40, slotBytes: 3000 },
    { producers: 10, each: 4000, capacity: 300, slotBytes: 200 },
  ])('are whole when they are released, over threads: %j', { timeout: 60_000 }, async (options) => {
    const { producers, each, capacity, slotBytes } = options
    const queue = new Requests({ capacity, slotBytes })
    const results = new SharedArrayBuffer(producers * each * 4)
    const roles = [...Array<string>(producers).fill('produce'), 'views', 'views', 'consume']
    const workers = roles.map(
      (role, index) =>
        new Worker(new URL('request-queue.worker.mjs', import.meta.url), {
          workerData: { role, index, each, producers, slotBytes, handle: queue.handle, results },
          env: { ...process.env, FAIRLEAD_ENGINE: kind },
        }),
    )
    onTestFinished(async () => void (await Promise.all(workers.map((worker) => worker.terminate()))))
    const answers = workers.map(
      (worker) =>
        new Promise<{ popped?: number; ordered?: boolean; whole?: boolean; stays?: boolean }>(
          (resolve, reject) => {
            worker.on('message', resolve)
            worker.on('error', reject)
          },
        ),
    )
    await Promise.all(answers.slice(0, producers))
    queue.close()
    const consumers = (await Promise.all(answers)).slice(producers)
    for (const one of consumers) expect(one).toMatchObject({ ordered: true, whole: true, stays: true })
    expect(consumers.reduce((sum, one) => sum + (one.popped ?? 0), 0)).toBe(producers * each)
    expect(new Int32Array(results).every((count) => count === 1)).toBe(true)
  })

  it('of a thread that ends come back', { timeout: 60_000 }, async () => {
    const capacity = 100
    const queue = new Requests({ capacity, slotBytes: SLOT_BYTES })
    for (let round = 0; round < 3; round++) {
      queue.pushMany(requests(0, capacity))
      const worker = new Worker(new URL('request-queue.worker.mjs', import.meta.url), {
        workerData: {
          role: 'hold',
          slotBytes: SLOT_BYTES,
          handle: queue.handle,
          batches: QUEUE_SIZES.HOLDERS,
        },
        env: { ...process.env, FAIRLEAD_ENGINE: kind },
      })
      onTestFinished(async () => void (await worker.terminate()))
      expect(await new Promise((resolve) => worker.on('message', resolve))).toBe(QUEUE_SIZES.HOLDERS)
      expect(() => queue.popMany(1, VIEWS)).toThrow(/held already/)
      expect(numbers(queue.popMany(capacity))).toEqual(
        range(QUEUE_SIZES.HOLDERS, capacity - QUEUE_SIZES.HOLDERS),
      )
      circulate(queue, 1000, capacity, 3)
      await worker.terminate()
      circulate(queue, 2000, capacity, 6)
      queue.pushMany(requests(0, capacity))
      // The end is noted by an event, which comes after terminate() has resolved.
      await expect
        .poll(() => tries(() => holdOneEach(queue, QUEUE_SIZES.HOLDERS)), { timeout: 10_000 })
        .toBe(true)
      for (const views of heldNow.splice(0)) views.release()
      queue.popMany(capacity)
    }
  })
})

const heldNow: RequestViews[] = []
/** Whether all could be held; what was held is in `heldNow`. */
function tries(hold: () => RequestViews[]): boolean {
  try {
    heldNow.push(...hold())
    return true
  } catch {
    return false
  }
}
