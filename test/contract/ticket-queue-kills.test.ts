/** Threads that end in the middle of pushing and popping; on each engine. `npm run test:soak` does it a thousand times. */
import { describe, expect, it } from 'vitest'
import { repairCredit } from '../../lib/queue/credits.js'
import { LANE, laneWord, QUEUE_HEADER } from '../../lib/queue/layout.js'
import { createQueueMemory } from '../../lib/queue/memory.js'
import { killThreads } from '../support/queue-kills.js'
import { queueClasses } from './queue-engines.js'

const SEED = 7

describe.each(queueClasses)('a TicketQueue whose threads are terminated, $kind engine', ({ kind, Queue }) => {
  it.each([
    ['while they push', false, 50],
    ['while they push and pop', true, 50],
    ['while they push to a queue of many blocks', false, 20_000],
  ])('keeps its items and its capacity (%s)', { timeout: 60_000 }, async (_what, pops, capacity) => {
    const report = await killThreads(new Queue({ capacity }), kind, 15, pops, SEED)
    expect(report.popped).toBeGreaterThan(0)
  })

  it('finds the credits again that a thread had in hand, and only those', () => {
    const memory = createQueueMemory(100, kind)
    const queue = Queue.attach(memory.handle)
    queue.pushMany(new Uint32Array(30))
    queue.popMany(new Uint32Array(10))
    // As a thread leaves it that is stopped after it took seven credits and before it put them into its lane.
    Atomics.add(memory.words, QUEUE_HEADER.RESERVED, 7)
    expect(repairCredit(memory)).toBe(true)
    expect(repairCredit(memory)).toBe(true)
    expect(queue.pushMany(new Uint32Array(200))).toBe(80)
    expect(queue.push(1)).toBe(false)
  })

  it('leaves credits alone that a living thread has in hand', () => {
    const memory = createQueueMemory(100, kind)
    const queue = Queue.attach(memory.handle)
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
})
