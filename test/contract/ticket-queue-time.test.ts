/** Time in queue: what the histogram says against what a caller measures around its calls; on each engine. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { LANE, laneWord, QUEUE_HEADER, QUEUE_SIZES, WAITER_KIND } from '../../lib/queue/layout.js'
import { openQueueMemory } from '../../lib/queue/memory.js'
import { fallAsleep, takeWaiter, wakeUp } from '../../lib/queue/sleepers.js'
import type { TicketQueue } from '../../lib/queue/ticket-queue.js'
import { seeded } from '../support/seeded.mjs'
import { queueClasses } from './queue-engines.js'

/** A bucket's middle is at most so far away from any sample in it. */
const BUCKET = 1 / 16
const pause = (ms: number): void => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** Items that no popped probe stands for: those of the probe that is out, and those published since the last offer. */
function unaccounted({ handle }: TicketQueue): number {
  const words = new Int32Array(handle.memory)
  let items = 0
  for (let lane = 0; lane < words[QUEUE_HEADER.LANES_USED]; lane++) {
    const at = laneWord(lane)
    if ((words[at + LANE.PROBE_STATE] & 1) === 1) items += words[at + LANE.PROBE_ITEMS]
    items += (words[at + LANE.TAIL] - words[at + LANE.PROBE_SINCE]) | 0
  }
  return items
}

describe.each(queueClasses)('time in a TicketQueue, $kind engine', ({ kind, Queue }) => {
  it('is nothing before anything was popped', () => {
    const queue = new Queue({ capacity: 100 })
    queue.push(1)
    queue.flush()
    expect(queue.stats().timeInQueueMs).toEqual({ count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0 })
  })

  it.each([1, 60, 5000])(
    'lies between what was measured within and without the calls (%d items)',
    (items) => {
      const queue = new Queue({ capacity: 10_000 })
      const out = new Uint32Array(items)
      const begin = performance.now()
      queue.pushMany(new Uint32Array(items))
      queue.flush()
      const published = performance.now()
      pause(20)
      const atLeast = performance.now() - published
      expect(queue.popMany(out)).toBe(items)
      const atMost = performance.now() - begin
      const { count, p50, p999 } = queue.stats().timeInQueueMs
      expect(count + unaccounted(queue)).toBe(items)
      expect(count).toBeGreaterThan(0)
      expect(p50).toBeGreaterThanOrEqual(atLeast * (1 - BUCKET))
      expect(p999).toBeLessThanOrEqual(atMost * (1 + BUCKET))
    },
  )

  it('gives a backlog the weight of its items, not that of its samples', () => {
    const queue = new Queue({ capacity: 40_000 })
    const out = new Uint32Array(40_000)
    for (let i = 0; i < 2000; i++) {
      queue.push(i)
      queue.popMany(out)
    }
    queue.pushMany(new Uint32Array(20_000))
    queue.flush()
    pause(10)
    queue.popMany(out)
    const { count, p50 } = queue.stats().timeInQueueMs
    expect(count).toBeLessThanOrEqual(22_000)
    expect(p50).toBeGreaterThanOrEqual(10 * (1 - BUCKET))
  })

  it('judges a burst by all of its items alike, not by its first', () => {
    const random = seeded(7)
    vi.spyOn(Math, 'random').mockImplementation(() => random(1_000_000) / 1_000_000)
    onTestFinished(() => void vi.restoreAllMocks())
    const queue = new Queue({ capacity: 60_000 })
    const out = new Uint32Array(30_000)
    const bursts = 60
    for (let burst = 0; burst < bursts; burst++) {
      queue.pushMany(new Uint32Array(60_000))
      queue.popMany(out)
      pause(8)
      queue.popMany(out)
    }
    const { count, mean } = queue.stats().timeInQueueMs
    expect(count + unaccounted(queue)).toBe(bursts * 60_000)
    // Half of the items wait 8 ms and more. A probe that nothing replaces gives 0.1 to 0.25, this one 2 to 4.
    expect(mean).toBeGreaterThanOrEqual(8 / 8)
  })

  it('takes no probe of most items that wake somebody', () => {
    const queue = new Queue({ capacity: 100 })
    const memory = openQueueMemory(queue.handle, kind)
    const out = new Uint32Array(1)
    const waiter = takeWaiter(memory, WAITER_KIND.BLOCKED)
    let offers = 0
    const items = 200
    for (let i = 0; i < items; i++) {
      // Longer than what probes are apart otherwise.
      pause(0.2)
      fallAsleep(memory, waiter)
      const before = memory.words[laneWord(0) + LANE.PROBE_STATE]
      queue.push(i)
      queue.flush()
      if (memory.words[laneWord(0) + LANE.PROBE_STATE] !== before) offers++
      expect(wakeUp(memory, waiter)).toBe(true)
      queue.popMany(out)
    }
    expect(offers).toBeGreaterThanOrEqual(items / 16)
    expect(offers).toBeLessThan(items / 4)
    const { count } = queue.stats().timeInQueueMs
    expect(count + unaccounted(queue)).toBe(items)
  })

  it('counts every item once over threads', { timeout: 60_000 }, async () => {
    const queue = new Queue({ capacity: 3000 })
    const each = 60_000
    const threads = ['produce', 'produce', 'consume', 'consume'].map(async (role) => {
      const worker = new Worker(new URL('./ticket-queue-time.worker.mjs', import.meta.url), {
        workerData: { role, each, handle: queue.handle },
        env: { ...process.env, FAIRLEAD_ENGINE: kind },
      })
      onTestFinished(async () => void (await worker.terminate()))
      const [done] = await once(worker, 'message')
      return done as number
    })
    const produced = await Promise.all(threads.slice(0, 2))
    queue.close()
    const consumed = await Promise.all(threads.slice(2))
    expect(produced).toEqual([each, each])
    expect(consumed[0] + consumed[1]).toBe(2 * each)
    const { count } = queue.stats().timeInQueueMs
    expect(count + unaccounted(queue)).toBe(2 * each)
    expect(count).toBeGreaterThan(each)
  })

  it('comes from a carry of the low word where a bucket has more than 2^32 items', () => {
    const queue = new Queue({ capacity: 100 })
    const words = new Int32Array(queue.handle.memory)
    for (let bucket = 0; bucket < QUEUE_SIZES.TIME_BUCKETS; bucket++)
      words[QUEUE_HEADER.TIME_IN_QUEUE + 2 * bucket] = -1
    queue.push(1)
    queue.popMany(new Uint32Array(1))
    expect(queue.stats().timeInQueueMs.count).toBe(QUEUE_SIZES.TIME_BUCKETS * (2 ** 32 - 1) + 1)
  })

  it('forgets a probe that a thread has set, but not published, before it ended', async () => {
    const queue = new Queue({ capacity: 100 })
    const words = new Int32Array(queue.handle.memory)
    const at = laneWord(0)
    words[at + LANE.PROBE_STATE] = 5
    words[at + LANE.PROBE_ITEMS] = 77
    queue.push(1)
    queue.popMany(new Uint32Array(1))
    expect(queue.stats().timeInQueueMs).toMatchObject({ count: 1 })
  })
})
