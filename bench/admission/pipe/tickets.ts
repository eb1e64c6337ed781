/** Two ticket queues. */
import { TicketQueue } from 'fairlead'
import { pause } from '../../queue/pause.js'
import { CAPACITY, type Pipe } from './pipe.js'

type Handle = TicketQueue['handle']

// Kept here, too: a queue without a thread would be freed.
let queues: readonly TicketQueue[] = []

export const pipe: Pipe = {
  create() {
    queues = [new TicketQueue({ capacity: CAPACITY }), new TicketQueue({ capacity: CAPACITY })]
    const [first, second] = queues.map(({ handle }) => handle)
    return { ends: [first, [first, second], second] }
  },
  producer(end, batch) {
    const queue = TicketQueue.attach(end as Handle)
    return batch === 1 ? oneByOne(queue) : inBatches(queue, batch)
  },
  loop(end) {
    const [first, second] = (end as Handle[]).map((handle) => TicketQueue.attach(handle))
    return async (requests) => {
      for (let popped = 0; popped < requests; ) {
        const batch = await first.read()
        popped += batch.length
        for (let handed = 0, looks = 0; ; looks++) {
          handed += second.pushMany(handed === 0 ? batch : batch.subarray(handed))
          if (handed === batch.length) break
          pause(looks)
        }
        second.flush()
      }
    }
  },
  server(end) {
    const queue = TicketQueue.attach(end as Handle)
    return async (requests) => {
      let sum = 0
      for (let served = 0; served < requests; ) {
        const batch = await queue.read()
        served += batch.length
        for (let i = 0; i < batch.length; i++) sum = (sum + batch[i]) | 0
      }
      return sum
    }
  },
}

/** A full block is readable at once, the last one by `flush`. */
const oneByOne = (queue: TicketQueue) => (requests: number) => {
  for (let next = 0; next < requests; next++) for (let looks = 0; !queue.push(next); looks++) pause(looks)
  queue.flush()
}

function inBatches(queue: TicketQueue, size: number) {
  const batch = new Uint32Array(size)
  return (requests: number): void => {
    for (let next = 0; next < requests; next += size) {
      for (let i = 0; i < size; i++) batch[i] = next + i
      for (let sent = 0, looks = 0; ; looks++) {
        sent += queue.pushMany(sent === 0 ? batch : batch.subarray(sent))
        queue.flush()
        if (sent === size) break
        pause(looks)
      }
    }
  }
}
