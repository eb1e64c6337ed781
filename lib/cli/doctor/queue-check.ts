/** Loaded only where the engine of the process could be chosen: the queues choose theirs along with it. */
import type { NativeQueueAddon } from '../../engine/native/addon.js'
import { fallbackQueueEngine, type QueueEngine } from '../../queue/engine.js'
import { nativeQueueEngine } from '../../queue/native-lanes.js'
import { TicketQueue } from '../../queue/ticket-queue.js'

const CAPACITY = 1000
const ROUNDS = 5

export const fallbackQueueCheck = (): string[] => roundTrip(fallbackQueueEngine)

export const nativeQueueCheck = (addon: NativeQueueAddon): string[] => roundTrip(nativeQueueEngine(addon))

/** Fills a queue to its last place and empties it, again and again: what is wrong with what comes out. */
export function roundTrip(engine: QueueEngine): string[] {
  class CheckedQueue extends TicketQueue {
    protected static override engine(): QueueEngine {
      return engine
    }
  }
  const queue = new CheckedQueue({ capacity: CAPACITY })
  const faults: string[] = []
  const out = new Uint32Array(CAPACITY + 1)
  for (let round = 0; round < ROUNDS; round++) {
    const tickets = Uint32Array.from({ length: CAPACITY }, (_, i) => round * CAPACITY + i)
    const taken = queue.pushMany(tickets)
    if (taken !== CAPACITY) faults.push(`an empty queue of ${CAPACITY} took ${taken} tickets`)
    if (queue.push(0)) faults.push('a full queue took one more ticket')
    const popped = queue.popMany(out)
    if (popped !== CAPACITY) faults.push(`${popped} of ${CAPACITY} tickets came out of the queue`)
    else if (tickets.some((ticket, i) => ticket !== out[i]))
      faults.push('tickets came out of the queue in another order')
  }
  queue.close()
  const { allocated } = queue.stats()
  if (allocated !== 0) faults.push(`the empty queue counts ${allocated} tickets`)
  return [...new Set(faults)]
}
