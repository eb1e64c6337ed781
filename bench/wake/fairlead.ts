/** A ticket queue that is empty until the other thread pushes one number to it. */
import { TicketQueue } from 'fairlead'
import type { Sleeper, Way } from './way.js'

const FOREVER_MS = 10_000

// Kept here, too: a queue without a thread would be freed.
let queue: TicketQueue | undefined

const sleepers: Readonly<Record<string, (queue: TicketQueue) => Sleeper>> = {
  popWait(queue) {
    const into = new Uint32Array(16)
    return {
      sleep(rounds, ready, woken) {
        for (let i = 0; i < rounds; i++) {
          ready()
          if (queue.popWait(into, FOREVER_MS) !== 1) throw new Error('popWait came back without the number')
          woken()
        }
      },
    }
  },
  read: (queue) => ({
    async sleep(rounds, ready, woken) {
      for (let i = 0; i < rounds; i++) {
        const reading = queue.read()
        ready()
        await reading
        woken()
      }
    },
  }),
  forAwait: (queue) => ({
    async sleep(rounds, ready, woken) {
      const batches = queue[Symbol.asyncIterator]()
      for (let i = 0; i < rounds; i++) {
        const batch = batches.next()
        ready()
        await batch
        woken()
      }
      await batches.return?.()
    },
  }),
}

export const way = (variant: string): Way => ({
  create() {
    queue = new TicketQueue({ capacity: 1_024 })
    return { sleeper: queue.handle, waker: queue.handle }
  },
  sleeper: (handle) => sleepers[variant](TicketQueue.attach(handle as TicketQueue['handle'])),
  waker(handle) {
    const queue = TicketQueue.attach(handle as TicketQueue['handle'])
    return () => {
      queue.push(1)
      queue.flush()
    }
  },
})
