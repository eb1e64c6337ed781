// One thread of the tests over threads: pushes numbers, or pops and counts them.
import { parentPort, workerData } from 'node:worker_threads'
import { TicketQueue } from '../../dist/index.js'

const { role, index, each, producers, handle, results } = workerData
const queue = TicketQueue.attach(handle)

if (role === 'produce') {
  const batch = new Uint32Array(300)
  let next = 0
  while (next < each) {
    // Single pushes and batches of all sizes in turn.
    const size = 1 + ((next * 7) % batch.length)
    const count = Math.min(size, each - next)
    for (let i = 0; i < count; i++) batch[i] = index * each + next + i
    next += count === 1 ? Number(queue.push(batch[0])) : queue.pushMany(batch.subarray(0, count))
  }
  queue.flush()
  parentPort.postMessage({})
} else if (role === 'consume') {
  const counts = new Int32Array(results)
  const out = new Uint32Array(700)
  const last = new Float64Array(producers).fill(-1)
  let popped = 0
  let ordered = true
  for (;;) {
    // Read before the pop: what was accepted before the close is there in the pop after it.
    const { closed } = queue.stats()
    const count = queue.popMany(out)
    for (let i = 0; i < count; i++) {
      const producer = Math.floor(out[i] / each)
      if (out[i] <= last[producer]) ordered = false
      last[producer] = out[i]
      Atomics.add(counts, out[i], 1)
    }
    popped += count
    if (count === 0 && closed && queue.stats().allocated === 0) break
  }
  parentPort.postMessage({ popped, ordered })
} else if (role === 'fill') {
  // Never ends its turn, as a producer that pushes until it succeeds.
  while (queue.push(7));
  Atomics.store(new Int32Array(results), 0, 1)
  Atomics.wait(new Int32Array(results), 1, 0, 20_000)
} else if (role === 'push-many') {
  queue.pushMany(Uint32Array.from({ length: each }, (_, i) => i))
  queue.flush()
  parentPort.postMessage({})
} else {
  queue.push(42)
  queue.flush()
  parentPort.postMessage({})
  // Stays, and keeps the credit that it has taken beyond what it used.
  setTimeout(() => {}, 20_000)
}
