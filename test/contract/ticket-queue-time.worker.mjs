// One thread of the tests of time in queue: pushes a number of items in portions of any size, or pops to the end.
import { parentPort, workerData } from 'node:worker_threads'
import { TicketQueue } from '../../dist/index.js'

const { role, each, handle } = workerData
const queue = TicketQueue.attach(handle)
const turn = () => new Promise((resolve) => setImmediate(resolve))

let items = 0
if (role === 'produce') {
  for (let portion = 1; items < each; portion = (portion * 5) % 997) {
    items += queue.pushMany(new Uint32Array(Math.min(portion, each - items)))
    if (portion % 3 === 0) queue.flush()
    if (portion % 7 === 0) await turn()
  }
} else {
  const out = new Uint32Array(300)
  while (!queue.ended) items += queue.popWait(out.subarray(0, 1 + (items % 300)), 10_000)
}
// A lane is counted by its owner's words, so what is left over is published first.
queue.flush()
parentPort.postMessage(items)
