import { connect } from 'node:net'
import { Worker } from 'node:worker_threads'
import { onTestFinished } from 'vitest'

/** Listens in a thread that then never accepts, with so short a queue that the kernel soon lets further connections wait. */
export async function deafPort(): Promise<number> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    const server = require('node:net').createServer()
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      Atomics.wait(new Int32Array(workerData), 0, 0, 10_000)
      process.exit()
    })`
  const gate = new SharedArrayBuffer(4)
  const worker = new Worker(source, { eval: true, workerData: gate })
  onTestFinished(async () => {
    Atomics.store(new Int32Array(gate), 0, 1)
    Atomics.notify(new Int32Array(gate), 0)
    await worker.terminate()
  })
  const port = await new Promise<number>((resolve, reject) =>
    worker.once('message', resolve).once('error', reject),
  )
  for (let i = 0; i < 8; i++) {
    const filler = connect(port, '127.0.0.1').on('error', () => {})
    onTestFinished(() => new Promise((resolve) => filler.once('close', resolve).destroy()))
  }
  return port
}
