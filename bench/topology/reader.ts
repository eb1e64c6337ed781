/** A thread that is attached to the balancer, sends a request now and then, and watches its event loop. */
import { parentPort, workerData } from 'node:worker_threads'
import { Balancer, type BalancerHandle } from 'fairlead'
import { HoldWatch } from './hold-watch.js'

const PICK_MS = 2
const port = parentPort as NonNullable<typeof parentPort>
const { handle, service } = workerData as { handle: BalancerHandle; service: string }
const balancer = Balancer.attach(handle)
const watch = new HoldWatch()
const OUTCOME = { ok: true, status: 200, latencyMs: 2 }

setInterval(() => balancer.pick(service).end(OUTCOME), PICK_MS)

port.on('message', (order: 'start' | 'stop' | 'end') => {
  if (order === 'end') process.exit()
  else if (order === 'start') watch.start()
  else port.postMessage({ ...watch.stop(), heap: process.memoryUsage().heapUsed })
})
port.postMessage('ready')
