/**
 * What a call of another thread's event loop costs by itself, with no queue around it: a thread-safe function of Node-API. No
 * queue that the addon wakes can take less.
 */
import { type QueueEngine, selectedQueueEngine } from '../../dist/queue/engine.js'
import type { TicketLanes } from '../../dist/queue/lanes.js'
import { createQueueMemory, openQueueMemory, type TicketMemory } from '../../dist/queue/memory.js'
import type { Way } from './way.js'

const WAITER = 0
/** A notifier does not keep the event loop alive. */
const KEEP_ALIVE_MS = 1000

// Kept here, too: a queue without a thread would be freed.
let memory: TicketMemory | undefined

const engine = (): QueueEngine => selectedQueueEngine()
const open = (handle: unknown): TicketLanes => engine().createLanes(openQueueMemory(handle, engine().kind))

export const way = (): Way => ({
  create() {
    memory = createQueueMemory(1, engine().kind)
    return { sleeper: memory.handle, waker: memory.handle }
  },
  sleeper(handle) {
    let onNotify = (): void => {}
    open(handle).openNotifier(WAITER, () => onNotify())
    return {
      sleep: (rounds, ready, woken) =>
        new Promise((resolve) => {
          const alive = setInterval(() => {}, KEEP_ALIVE_MS)
          let left = rounds
          onNotify = () => {
            woken()
            if (--left > 0) return ready()
            clearInterval(alive)
            resolve()
          }
          ready()
        }),
    }
  },
  waker(handle) {
    const lanes = open(handle)
    return () => lanes.notify(WAITER)
  },
})
