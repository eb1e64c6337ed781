// A thread that sends requests over connections which all threads' limits count, until it is told to stop or is terminated.
import { parentPort, workerData } from 'node:worker_threads'
import { Balancer } from '../../dist/index.js'

const { handle, loops } = workerData
const balancer = Balancer.attach(handle)
let done = 0
let refused = 0
let failed = 0
let isStopped = false

async function loop() {
  while (!isStopped) {
    try {
      await (await balancer.fetch('http://users/')).text()
      done++
    } catch (error) {
      if (error.code === 'FAIRLEAD_OVERLOADED') {
        refused++
        // A refusal is at once: others are to have their turn.
        await new Promise((resolve) => setTimeout(resolve, 5))
      } else failed++
    }
  }
}

parentPort.on('message', async (message) => {
  if (message === 'progress') return parentPort.postMessage({ done, refused, failed })
  isStopped = true
  await all
  if (message === 'detach') await balancer.stop({ drainMs: 0 })
  parentPort.postMessage({ done, refused, failed })
  if (message === 'detach') parentPort.close()
})
const all = Promise.all(Array.from({ length: loops }, loop))
parentPort.postMessage('ready')
