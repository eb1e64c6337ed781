/** Bytes of queues: many of them at once, so that what else the process does is little beside them. */
import { TicketQueue } from 'fairlead'
import type { Case } from '../harness/case.js'

export interface Parameters {
  readonly capacity: number
}

/** Items in all queues of a slice. */
const ITEMS = 2 ** 23
const BATCH = 1_024

export function prepare({ capacity }: Parameters): Case {
  const count = Math.max(2, ITEMS / capacity)
  const batch = new Uint32Array(BATCH).fill(7)
  return {
    slice() {
      const before = process.memoryUsage.rss()
      const queues = Array.from({ length: count }, () => new TicketQueue({ capacity }))
      const made = process.memoryUsage.rss()
      for (const queue of queues) fillAndDrain(queue, capacity, batch)
      const used = process.memoryUsage.rss()
      const reserved = queues.reduce((sum, { handle }) => sum + handle.memory.byteLength, 0)
      return {
        reserved: reserved / count,
        fresh: (made - before) / count,
        used: (used - before) / count,
      }
    },
  }
}

function fillAndDrain(queue: TicketQueue, capacity: number, batch: Uint32Array): void {
  for (let pushed = 0; pushed < capacity; ) pushed += queue.pushMany(batch)
  for (let popped = 0; popped < capacity; ) popped += queue.popMany(batch)
}
