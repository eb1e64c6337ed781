/** A worker thread of a case: sets up its part, then does one slice whenever it is told to, in step with the others. */
import { parentPort, workerData } from 'node:worker_threads'
import { type Done, GATE, type PrepareThread, type ThreadData } from './thread-work.js'

const { module, parameters, gate } = workerData as ThreadData
const port = parentPort as NonNullable<typeof parentPort>

const { prepareThread } = (await import(module)) as { prepareThread: PrepareThread<unknown> }
const work = await prepareThread(parameters)

port.on('message', async (input: unknown) => {
  arrive()
  const begun = process.hrtime()
  const sample = await work.slice(input)
  const ended = process.hrtime()
  port.postMessage({ begun: ns(begun), ended: ns(ended), sample } satisfies Done)
})
port.postMessage('ready')

/** All threads begin together: the last to arrive opens the gate. */
function arrive(): void {
  const round = Atomics.load(gate, GATE.ROUND)
  if (Atomics.add(gate, GATE.ARRIVED, 1) + 1 === gate[GATE.THREADS]) {
    Atomics.store(gate, GATE.ARRIVED, 0)
    Atomics.add(gate, GATE.ROUND, 1)
    Atomics.notify(gate, GATE.ROUND)
  }
  Atomics.wait(gate, GATE.ROUND, round)
}

/** Exact for 104 days of up-time. */
function ns([seconds, nanoseconds]: [number, number]): number {
  return seconds * 1e9 + nanoseconds
}
