/** Requests of a queue, read where they lie or as copies, in the thread that pushed them. */
import type { RequestQueue } from 'fairlead'
import type { Case } from '../harness/case.js'

export interface Parameters {
  readonly bytes: number
  readonly inPlace: boolean
}

/** Requests that are pushed before the time is taken. */
const REQUESTS = 64
const NS_PER_MS = 1e6

export async function prepare({ bytes, inPlace }: Parameters): Promise<Case> {
  const { RequestQueue } = await import('fairlead')
  const queue = new RequestQueue({ capacity: REQUESTS, slotBytes: bytes })
  const requests = Array.from({ length: REQUESTS }, (_, i) => new Uint8Array(bytes).fill(i))
  const popAll = inPlace ? popViews : popCopies
  return {
    slice(ms) {
      let popMs = 0
      let popped = 0
      while (popMs < (ms as number)) {
        queue.pushMany(requests)
        const begun = performance.now()
        const sum = popAll(queue, bytes)
        popMs += performance.now() - begun
        if (sum !== REQUESTS * (REQUESTS - 1)) throw new Error('other bytes came out than went in')
        popped += REQUESTS
      }
      return { ns: (popMs * NS_PER_MS) / popped }
    },
  }
}

/** The sum of each request's first and last byte. */
function popCopies(queue: RequestQueue, bytes: number): number {
  let sum = 0
  for (const request of queue.popMany(REQUESTS)) sum += request[0] + request[bytes - 1]
  return sum
}

function popViews(queue: RequestQueue, bytes: number): number {
  let sum = 0
  for (let left = REQUESTS; left > 0; ) {
    const views = queue.popMany(left, { views: true })
    for (const request of views.requests) sum += request[0] + request[bytes - 1]
    left -= views.length
    views.release()
  }
  return sum
}
