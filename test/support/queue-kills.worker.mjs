// A thread that works on a queue until it is terminated. Its tickets: its number in the high bits, its count in the low.
import { parentPort, workerData } from 'node:worker_threads'
import { TicketQueue } from '../../dist/index.js'
import { seeded } from './seeded.mjs'

const { handle, index, pops, seed } = workerData
const queue = TicketQueue.attach(handle)
const out = new Uint32Array(300)
const below = seeded(seed)
let next = 0
const ticket = () => index * 2 ** 20 + next

parentPort.postMessage('ready')
for (;;) {
  const what = below(pops ? 4 : 3)
  if (what === 0) for (let n = below(20); n > 0 && queue.push(ticket()); n--) next++
  else if (what === 1) {
    const batch = Uint32Array.from({ length: 1 + below(400) }, (_, i) => ticket() + i)
    next += queue.pushMany(batch)
  } else if (what === 2) queue.flush()
  else queue.popMany(out.subarray(0, 1 + below(299)))
  // The tickets of one thread are numbered with 20 bits.
  if (next > 2 ** 20 - 500) for (;;) queue.popMany(out.subarray(0, 0))
}
