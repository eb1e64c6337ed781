// One thread of the tests over threads: pushes requests that can be checked, or pops and checks them, copied or in place.
import { parentPort, workerData } from 'node:worker_threads'
import { RequestQueue } from '../../dist/index.js'
import { numberOf, requestOf } from '../support/request-bytes.mjs'

const { role, index, each, producers, slotBytes, handle, results } = workerData
const queue = RequestQueue.attach(handle)

if (role === 'produce') {
  let next = 0
  while (next < each) {
    // Single pushes and batches of all sizes in turn.
    const count = Math.min(1 + ((next * 7) % 90), each - next)
    const batch = Array.from({ length: count }, (_, i) => requestOf(index * each + next + i, slotBytes))
    next += count === 1 ? Number(queue.push(batch[0])) : queue.pushMany(batch)
  }
  queue.flush()
  parentPort.postMessage({})
} else if (role === 'hold') {
  // Until this thread is terminated.
  const held = Array.from({ length: workerData.batches }, () => queue.popMany(1, { views: true }))
  parentPort.postMessage(held.filter(({ length }) => length === 1).length)
  setInterval(() => held.length, 1000)
} else {
  const counts = new Int32Array(results)
  const last = new Float64Array(producers).fill(-1)
  const kept = []
  let popped = 0
  let ordered = true
  let whole = true
  const take = (batch) => {
    for (const request of batch) {
      const number = numberOf(request, slotBytes)
      if (number < 0 || number >= counts.length) {
        whole = false
        continue
      }
      const producer = Math.floor(number / each)
      if (number <= last[producer]) ordered = false
      last[producer] = number
      Atomics.add(counts, number, 1)
      if (number % 97 === 0) kept.push([number, request])
    }
    popped += batch.length
  }
  if (role === 'consume') while (!queue.ended) take(queue.popMany(70))
  else if (role === 'views') {
    // Up to three batches are held, and looked at once more when they are released.
    const held = []
    const letOneGo = () => {
      const { views, numbers } = held.shift()
      const now = views.requests.map((request) => numberOf(request, slotBytes))
      if (now.some((number, i) => number !== numbers[i])) whole = false
      views.release()
    }
    while (!queue.ended) {
      const views =
        popped % 2 === 0 ? queue.popMany(7, { views: true }) : queue.popWait(70, 10, { views: true })
      if (views.length === 0) continue
      // `kept` is of what was copied.
      const numbers = views.requests.map((request) => numberOf(request, slotBytes))
      take(views.requests.map((request) => request.slice()))
      held.push({ views, numbers })
      if (held.length > 3) letOneGo()
    }
    while (held.length > 0) letOneGo()
  } else if (role === 'blocked') while (!queue.ended) take(queue.popWait(70, 60_000))
  else for await (const batch of queue) take(batch)
  // What was popped stays what it was, whatever was popped afterwards.
  const stays = kept.every(([number, request]) => numberOf(request, slotBytes) === number)
  parentPort.postMessage({ popped, ordered, whole, stays })
}
