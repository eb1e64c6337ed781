// One thread of recorded histories: calls queues at random, one queue after the other, and says what it asked and got.
import { parentPort, workerData } from 'node:worker_threads'
import { RequestQueue, TicketQueue } from '../../dist/index.js'
import { numberOf, requestOf } from '../support/request-bytes.mjs'
import { holdUp, meet, reading, seeded } from './recording.mjs'

const { kind, handles, slotBytes, thread, threads, clock, calls, most, pushes, isHeldUp, seed } = workerData
const below = seeded(seed + thread)

/** Both kinds of queue as one: numbers in, how many were taken, and numbers out. */
const kinds = {
  tickets: (handle) => {
    const queue = TicketQueue.attach(handle)
    return {
      push: (numbers) =>
        numbers.length === 1 ? Number(queue.push(numbers[0])) : queue.pushMany(Uint32Array.from(numbers)),
      pop: (wanted) => {
        const into = new Uint32Array(wanted)
        return [...into.subarray(0, queue.popMany(into))]
      },
      flush: () => queue.flush(),
    }
  },
  requests: (handle) => {
    const queue = RequestQueue.attach(handle)
    const bytes = (number) => requestOf(number, slotBytes)
    return {
      push: (numbers) =>
        numbers.length === 1 ? Number(queue.push(bytes(numbers[0]))) : queue.pushMany(numbers.map(bytes)),
      pop: (wanted) => queue.popMany(wanted).map((request) => numberOf(request, slotBytes)),
      flush: () => queue.flush(),
    }
  },
}

if (isHeldUp) holdUp(seed + thread)
const histories = handles.map((handle, round) => {
  const queue = kinds[kind](handle)
  const history = []
  let index = 0
  const record = (verb, asked, call) => {
    const invoked = reading(clock)
    const numbers = call()
    history.push({ thread, verb, invoked, responded: reading(clock), asked, numbers })
  }
  const flush = () => {
    queue.flush()
    return []
  }
  meet(clock, threads, round)
  for (let i = 0; i < calls; i++) {
    // Of ten calls `pushes` push; of those that remain one flushes and the others pop.
    const what = below(10)
    const asked = below(2) === 0 ? 1 : 1 + below(most)
    if (what < pushes) {
      const numbers = Array.from({ length: asked }, (_, n) => thread * 2 ** 24 + index + n)
      record('push', asked, () => numbers.slice(0, queue.push(numbers)))
      index += history.at(-1).numbers.length
    } else if (what === pushes) record('flush', 0, flush)
    else record('pop', asked, () => queue.pop(asked))
  }
  record('flush', 0, flush)
  return history
})
parentPort.postMessage(histories)
