// One thread of the tests over threads: pushes requests that can be checked, or pops and checks them.
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
  else if (role === 'blocked') while (!queue.ended) take(queue.popWait(70, 60_000))
  else for await (const batch of queue) take(batch)
  // What was popped stays what it was, whatever was popped afterwards.
  const stays = kept.every(([number, request]) => numberOf(request, slotBytes) === number)
  parentPort.postMessage({ popped, ordered, whole, stays })
}
