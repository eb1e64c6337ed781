// One thread of the tests of waiting: reads a queue in one of three ways and counts what it gets.
import { parentPort, workerData } from 'node:worker_threads'
import { TicketQueue } from '../../dist/index.js'

const { role, handle, back, results } = workerData
const queue = TicketQueue.attach(handle)
const counts = results && new Int32Array(results)
const out = new Uint32Array(100)
const say = (message) => parentPort.postMessage(message)

const take = (batch) => {
  for (const ticket of batch) Atomics.add(counts, ticket, 1)
  return batch.length
}

if (role === 'blocked') {
  say('ready')
  let popped = 0
  while (!queue.ended) popped += take(out.subarray(0, queue.popWait(out, 60_000)))
  say({ popped })
} else if (role === 'loop') {
  say('ready')
  let popped = 0
  for await (const batch of queue) popped += take(batch)
  say({ popped })
} else if (role === 'take-few') {
  say('ready')
  say({ popped: queue.popWait(out.subarray(0, 8), 60_000) })
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)
} else if (role === 'echo-blocked') {
  const answers = TicketQueue.attach(back)
  say('ready')
  for (;;) {
    const count = queue.popWait(out, 60_000)
    if (count === 0) break
    answers.pushMany(out.subarray(0, count))
    answers.flush()
  }
} else if (role === 'echo-loop') {
  const answers = TicketQueue.attach(back)
  say('ready')
  for await (const batch of queue) {
    answers.pushMany(batch)
    answers.flush()
  }
} else if (role === 'time-out') {
  const faults = [-1, Number.NaN, '5', undefined].map((ms) => {
    try {
      queue.popWait(out, ms)
      return 'none'
    } catch (error) {
      return error.code
    }
  })
  say({
    none: queue.popWait(out, 0),
    some: queue.popWait(out, 20),
    empty: queue.popWait(new Uint32Array(0), 60_000),
    faults,
  })
} else if (role === 'push-and-stay') {
  queue.push(1)
  queue.flush()
  say('ready')
  setTimeout(() => {}, 60_000)
}
