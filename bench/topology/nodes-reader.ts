/** A thread that looks nodes up in the newest snapshot, and hears of each update. */
import { parentPort, workerData } from 'node:worker_threads'
import { Topology, type TopologyHandle } from 'fairlead'
import { HoldWatch } from './hold-watch.js'
import type { Seen } from './nodes.js'

const port = parentPort as NonNullable<typeof parentPort>
const { handle, seen, index, nodes } = workerData as {
  handle: TopologyHandle
  seen: Seen
  index: number
  nodes: number
}
/** Look-ups in one turn of the loop, and between two turns, ms. */
const BATCH = 200
const PAUSE_MS = 2

const topology = Topology.attach(handle)
const watch = new HoldWatch()
let isRunning = false
let lookUps = 0
let torn = 0

topology.on('change', ({ revision }) => Atomics.store(seen, index, revision))

function look(): void {
  if (!isRunning) return
  const { snapshot } = topology
  for (let i = 0; i < BATCH; i++) {
    const node = snapshot.node(`node-${(lookUps + i * 127) % nodes}`)
    if (node === undefined || snapshot.size !== nodes) torn++
  }
  lookUps += BATCH
  setTimeout(look, PAUSE_MS)
}

port.on('message', (order: 'start' | 'stop') => {
  isRunning = order === 'start'
  if (isRunning) {
    lookUps = 0
    watch.start()
    look()
    port.postMessage({})
  } else port.postMessage({ ...watch.stop(), lookUps, torn })
})
port.postMessage('ready')
