// A producer or a consumer of ticket-queue-items.soak.ts.
import { parentPort, workerData } from 'node:worker_threads'
import { TicketQueue } from '../../dist/index.js'

const { role, number, each, handle, seen } = workerData
const queue = TicketQueue.attach(handle)

/** Batches of all sizes up to this. */
const MOST = 1000

function produce() {
  const batch = new Uint32Array(MOST)
  const first = number * each
  for (let next = 0; next < each; ) {
    const count = Math.min(1 + (next % MOST), each - next)
    for (let i = 0; i < count; i++) batch[i] = first + next + i
    next += queue.pushMany(batch.subarray(0, count))
    if (next % 3 === 0) queue.flush()
  }
  queue.flush()
  parentPort.postMessage('done')
}

function consume() {
  const bits = new Int32Array(seen)
  const into = new Uint32Array(MOST)
  const latest = new Map()
  let count = 0
  let sum = 0n
  let twice = 0
  let disordered = 0
  for (let got = queue.popWait(into, Infinity); got > 0; got = queue.popWait(into, Infinity)) {
    count += got
    let part = 0
    for (let i = 0; i < got; i++) {
      const item = into[i]
      part += item
      const bit = 1 << (item & 31)
      if ((Atomics.or(bits, item >>> 5, bit) & bit) !== 0) twice++
      const producer = Math.floor(item / each)
      if (item <= (latest.get(producer) ?? -1)) disordered++
      latest.set(producer, item)
    }
    sum += BigInt(part)
  }
  parentPort.postMessage({ count, sum, twice, disordered })
}

if (role === 'produce') produce()
else consume()
