import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'

/** Connections that fill a backlog of 1; the kernel takes one or two more than it is asked for. */
const FILLERS = 4
/** A connection that is not accepted by then is in no backlog. */
const FILL_MS = 300

/** Listens, says so, and blocks its thread: nothing is accepted until it is woken. */
const LISTENER = `
  const { parentPort, workerData } = require('node:worker_threads')
  const server = require('node:net').createServer((socket) => socket.destroy())
  server.listen({ port: workerData.port, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage('listening')
    setTimeout(() => {
      Atomics.wait(workerData.word, 0, 0)
      process.exit()
    }, 1)
  })`

/** A listener in a thread that accepts nothing, with a full backlog: the kernel drops further attempts to connect. */
export class FullBacklog {
  readonly #word = new Int32Array(new SharedArrayBuffer(4))
  #worker: Worker | undefined
  #fillers: Socket[] = []

  async begin(port: number): Promise<void> {
    Atomics.store(this.#word, 0, 0)
    this.#worker = new Worker(LISTENER, { eval: true, workerData: { port, word: this.#word } })
    await once(this.#worker, 'message')
    this.#fillers = Array.from({ length: FILLERS }, () => connect(port, '127.0.0.1').on('error', () => {}))
    await new Promise((resolve) => setTimeout(resolve, FILL_MS))
  }

  async end(): Promise<void> {
    const worker = this.#worker
    if (worker === undefined) return
    const ended = once(worker, 'exit')
    Atomics.store(this.#word, 0, 1)
    Atomics.notify(this.#word, 0)
    await ended
    for (const socket of this.#fillers) socket.destroy()
  }
}
