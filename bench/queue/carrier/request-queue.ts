/** fairlead's queue of bytes: copies out, as the others give them. */
import { RequestQueue, type RequestQueueHandle } from 'fairlead'
import { pause } from '../pause.js'
import { CAPACITY, type Carrier, numberOf, REQUEST_BYTES, Requests } from './carrier.js'

/** Requests taken out at once. */
const ROOM = 1_024

// Kept here, too: a queue without a thread would be freed.
let queue: RequestQueue | undefined

const open = (handle: unknown): RequestQueue => RequestQueue.attach(handle as RequestQueueHandle)

export const carrier = (batch: number): Carrier => ({
  create() {
    queue = new RequestQueue({ capacity: CAPACITY, slotBytes: REQUEST_BYTES })
    return { producer: queue.handle, consumer: queue.handle }
  },
  producer(end) {
    const queue = open(end)
    const requests = new Requests(batch)
    return (count) => {
      for (let next = 0; next < count; next += batch) {
        requests.number(next)
        for (let sent = 0, looks = 0; ; looks++) {
          sent += queue.pushMany(sent === 0 ? requests.all : requests.all.slice(sent))
          queue.flush()
          if (sent === batch) break
          pause(looks)
        }
      }
    }
  },
  consumer(end) {
    const queue = open(end)
    return (count) => {
      let sum = 0
      for (let taken = 0, looks = 0; taken < count; looks++) {
        const got = queue.popMany(ROOM)
        if (got.length === 0) pause(looks)
        else looks = 0
        for (const request of got) sum += numberOf(request)
        taken += got.length
      }
      return sum
    }
  },
})
