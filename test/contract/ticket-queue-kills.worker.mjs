// Threads that end, and threads that have to go on without them.
import { parentPort, workerData } from 'node:worker_threads'
import { TicketQueue } from '../../dist/index.js'
import { openQueueMemory } from '../../dist/queue/memory.js'
import { repairCredit } from '../../dist/queue/repair.js'

const { handle, role } = workerData
const queue = TicketQueue.attach(handle)
const { capacity } = queue.stats()
const TINY = 10

/** The worker does nothing any more, not even its end of the turn. */
const stopHere = (message = 'ready') => {
  parentPort.postMessage(message)
  for (;;);
}

const ROLES = {
  /** Accepts all that the queue takes; a push that was refused would publish it. */
  hoards() {
    for (let left = capacity; left > 0; left--) queue.push(7)
    stopHere()
  },
  'holds a little'() {
    while (!queue.push(7));
    stopHere()
  },
  closes() {
    queue.close()
    stopHere()
  },
  'spins until it may push'() {
    parentPort.postMessage('ready')
    let pushed = 0
    while (pushed === 0) pushed = queue.pushMany(new Uint32Array(capacity))
    queue.flush()
    stopHere(pushed)
  },
  'waits until the end'() {
    parentPort.postMessage('ready')
    const out = new Uint32Array(capacity)
    let popped = 0
    while (!queue.ended) popped += queue.popWait(out, 60_000)
    parentPort.postMessage({ popped, ended: queue.ended })
  },
  'makes queues'() {
    parentPort.postMessage('ready')
    for (;;)
      for (const made of Array.from({ length: 50 }, () => new TicketQueue({ capacity: TINY }))) made.push(7)
  },
  listens() {
    parentPort.postMessage('ready')
    setInterval(() => {}, 1000)
  },
  'repairs for ever'() {
    const memory = openQueueMemory(handle, handle.engine)
    parentPort.postMessage('ready')
    for (;;) repairCredit(memory)
  },
}

ROLES[role]()
