/**
 * Bytes of queues: many of them at once, so that what else the process does is little beside them. A process measures once,
 * as a service makes its queues when it starts. What others have freed the allocator gives out again, and clears it first:
 * then all of a queue is resident, used or not.
 */
import { RequestQueue, TicketQueue } from 'fairlead'
import type { Case } from '../harness/case.js'

export interface Parameters {
  readonly capacity: number
  /** Of requests; 0: tickets. */
  readonly slotBytes: number
}

/** Bytes of the items in all queues of a slice, about. */
const TICKET_BYTES = 4
const BYTES = { tickets: 2 ** 25, requests: 2 ** 27 }
const BATCH = 1_024

/** Fillings of a first queue, so that what they compile is not counted. */
const WARM_UPS = 20

export function prepare({ capacity, slotBytes }: Parameters): Case {
  const count =
    slotBytes === 0
      ? BYTES.tickets / TICKET_BYTES / capacity
      : Math.ceil(BYTES.requests / slotBytes / capacity)
  const make = slotBytes === 0 ? () => tickets(capacity) : () => requests(capacity, slotBytes)
  // Kept until the end, see above.
  const first = make()
  for (let i = 0; i < WARM_UPS; i++) first.fillAndDrain()
  return {
    slice() {
      const before = process.memoryUsage.rss()
      const queues = Array.from({ length: Math.max(2, count) }, make)
      const made = process.memoryUsage.rss()
      for (const { fillAndDrain } of queues) fillAndDrain()
      const used = process.memoryUsage.rss()
      return {
        reserved: first.bytes,
        fresh: (made - before) / queues.length,
        used: (used - before) / queues.length,
      }
    },
  }
}

interface Idle {
  /** Of address space. */
  readonly bytes: number
  fillAndDrain(): void
}

const numbers = new Uint32Array(BATCH).fill(7)

function tickets(capacity: number): Idle {
  const queue = new TicketQueue({ capacity })
  return {
    bytes: queue.handle.memory.byteLength,
    fillAndDrain() {
      for (let pushed = 0; pushed < capacity; ) pushed += queue.pushMany(numbers)
      for (let popped = 0; popped < capacity; ) popped += queue.popMany(numbers)
    },
  }
}

function requests(capacity: number, slotBytes: number): Idle {
  const queue = new RequestQueue({ capacity, slotBytes })
  const request = new Uint8Array(slotBytes).fill(7)
  return {
    bytes: queue.handle.memory.byteLength,
    fillAndDrain() {
      while (queue.push(request));
      // A few at a time: what is popped is garbage, and not the queue's.
      for (let popped = 0; popped < capacity; ) popped += queue.popMany(64).length
    },
  }
}
