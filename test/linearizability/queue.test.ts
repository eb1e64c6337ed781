/** Histories of queues over threads, recorded and then searched for an order that the queue's promises allow. */
import { describe, expect, it } from 'vitest'
import { QUEUE_HEADER } from '../../lib/queue/layout.js'
import { createQueueMemory, type QueueMemory } from '../../lib/queue/memory.js'
import { createRequestMemory } from '../../lib/queue/request-memory.js'
import { queueClasses } from '../contract/queue-engines.js'
import { numberOf } from '../support/request-bytes.mjs'
import { QueueModel, queueCalls, type RecordedCall } from './queue-model.js'
import { record } from './record.js'
import { findFault, overlaps } from './search.js'

const HISTORIES = 30
/** Of each thread in each history. */
const CALLS = 50
const SLOT_BYTES = 24
const MOST_SETS = 10

interface Scene {
  readonly what: string
  readonly capacity: number
  /** Of ten calls, how many push: one number for each thread. */
  readonly pushes: readonly number[]
  /** Items of a call, at most. */
  readonly most: number
  readonly start?: number
  /** Threads that are taken to have pushed before. */
  readonly lanesUsed?: number
  readonly isHeldUp?: boolean
}

const SCENES: readonly Scene[] = [
  { what: 'two producers, one consumer', capacity: 3, pushes: [9, 9, 0], most: 3, isHeldUp: true },
  { what: 'one producer, two consumers', capacity: 9, pushes: [9, 0, 0], most: 6, isHeldUp: true },
  { what: 'one place', capacity: 1, pushes: [5, 5, 5], most: 2, isHeldUp: true },
  { what: 'all push and pop', capacity: 15, pushes: [4, 5, 6], most: 8, isHeldUp: true },
  { what: 'two threads at full speed', capacity: 7, pushes: [6, 6], most: 4 },
  { what: 'whole blocks, at full speed', capacity: 300, pushes: [9, 9, 2], most: 40 },
  { what: 'whole blocks', capacity: 60, pushes: [8, 8, 2], most: 20, isHeldUp: true },
  {
    what: 'positions that wrap',
    capacity: 40,
    pushes: [6, 8, 4],
    most: 20,
    start: 2 ** 32 - 256,
    isHeldUp: true,
  },
  { what: 'more lanes than are looked at', capacity: 15, pushes: [6, 6, 1], most: 8, lanesUsed: 12 },
]

for (const { kind: engine, Queue, Requests } of queueClasses) {
  const kinds = {
    tickets: {
      memory: ({ capacity, start = 0 }: Scene): QueueMemory => createQueueMemory(capacity, engine, start | 0),
      pop: (memory: QueueMemory, most: number): number[] => {
        const into = new Uint32Array(most)
        return [...into.subarray(0, Queue.attach(memory.handle as never).popMany(into))]
      },
    },
    requests: {
      memory: ({ capacity, start = 0 }: Scene): QueueMemory =>
        createRequestMemory(capacity, SLOT_BYTES, engine, start | 0),
      pop: (memory: QueueMemory, most: number): number[] =>
        Requests.attach(memory.handle as never)
          .popMany(most)
          .map((request) => numberOf(request, SLOT_BYTES)),
    },
  }

  describe.each(['tickets', 'requests'] as const)(`recorded histories of %s, ${engine} engine`, (kind) => {
    it.each(SCENES)('$what', async (scene) => {
      const { capacity, pushes } = scene
      const shape = { threads: pushes.length + 1, capacity, block: 0 }
      let concurrent = 0
      let refused = 0
      // Threads at full speed may share a core for the time of all their histories, and never meet.
      for (let set = 0; set < MOST_SETS && concurrent === 0; set++) {
        const seed = Math.floor(Math.random() * 1e9)
        const memories = Array.from({ length: HISTORIES }, () => kinds[kind].memory(scene))
        for (const { words } of memories) words[QUEUE_HEADER.LANES_USED] = scene.lanesUsed ?? 0
        const { most, isHeldUp } = scene
        const handles = memories.map(({ handle }) => handle)
        const shared = { kind, handles, slotBytes: SLOT_BYTES, calls: CALLS, most, isHeldUp, seed }
        const own = pushes.map((share) => ({ pushes: share }))
        const recorded = await record<RecordedCall>('./queue.worker.mjs', engine, shared, own)
        memories.forEach((memory, i) => {
          const calls = [...recorded.flatMap((histories) => histories[i])]
          calls.push(...drain(pushes.length, calls, () => kinds[kind].pop(memory, capacity + 1)))
          const history = queueCalls(calls, { ...shape, block: memory.blockMask + 1 })
          expect(findFault(history, new QueueModel(shape)), `history ${i} of seed ${seed}`).toBeUndefined()
          concurrent += overlaps(history)
          refused += calls.filter(
            ({ verb, asked, numbers }) => verb === 'push' && numbers.length < asked,
          ).length
        })
      }
      expect(refused, 'pushes that found the queue full').toBeGreaterThan(0)
      if (scene.isHeldUp) expect(concurrent, 'pairs of calls that overlap').toBeGreaterThan(0)
    })
  })
}

/** Pops of another thread, after all others, until nothing is left. */
function drain(thread: number, before: readonly RecordedCall[], pop: () => number[]): RecordedCall[] {
  let now = Math.max(...before.map(({ responded }) => responded))
  const calls: RecordedCall[] = []
  do {
    const numbers = pop()
    calls.push({ thread, verb: 'pop', invoked: ++now, responded: ++now, asked: numbers.length + 1, numbers })
  } while (calls.at(-1)?.numbers.length !== 0)
  return calls
}
