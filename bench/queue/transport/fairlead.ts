import { TicketQueue } from 'fairlead'
import { CAPACITY, type Create, type Open } from './transport.js'

// Kept here, too: a queue without a thread would be freed.
let queue: TicketQueue | undefined

export const create: Create = () => {
  queue = new TicketQueue({ capacity: CAPACITY })
  return queue.handle
}

export const open: Open = (shared, batch, room) => {
  const queue = TicketQueue.attach(shared as TicketQueue['handle'])
  const outgoing = new Uint32Array(batch)
  const incoming = new Uint32Array(room)
  return {
    outgoing,
    incoming,
    push(from) {
      const taken =
        batch === 1
          ? Number(queue.push(outgoing[0]))
          : queue.pushMany(from === 0 ? outgoing : outgoing.subarray(from))
      queue.flush()
      return taken
    },
    pop: () => queue.popMany(incoming),
  }
}
