// The worker threads of the soak under overload: started, terminated at any moment of their lives, and replaced.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Asked } from './asked.mjs'
import { COUNT, endedOf, MOST_ROWS } from './plan.mjs'

export class Workers {
  kills = 0
  /** Requests that were under way in threads that were terminated: nobody hears of them any more. */
  lost = 0
  #counts
  #start
  #unexpected
  #living = new Map()
  #rows = 0

  /**
   * @param workerData of a thread, but for its row and its seed
   * @param unexpected is told of every error that should not be
   */
  constructor(workerData, seed, unexpected) {
    this.#counts = workerData.counts
    this.#unexpected = unexpected
    this.#start = (row) =>
      new Worker(new URL('./thread.mjs', import.meta.url), {
        workerData: { ...workerData, row, seed: seed + 100 * row },
        execArgv: [],
      })
  }

  /** A row of the counts, each used once. */
  takeRow() {
    if (this.#rows === MOST_ROWS) throw new Error('more threads than there are rows')
    return this.#rows++
  }

  /** @param place 0 and up: which of the threads it is */
  start(place) {
    const row = this.takeRow()
    const worker = this.#start(row)
    const asked = new Asked((message) => worker.postMessage(message))
    const one = { row, worker, asked, isReady: undefined, isTerminated: false }
    one.isReady = new Promise((resolve) => {
      worker.on('message', (message) => {
        if (message === 'ready') resolve()
        else if (message.unexpected !== undefined) this.#unexpected(`thread ${place}: ${message.unexpected}`)
        else asked.answered(message)
      })
      worker.on('exit', resolve)
    })
    worker.on('error', (error) => this.#unexpected(`thread ${place} has ended: ${error.stack}`))
    this.#living.set(place, one)
  }

  /** Ends a thread where it is, and starts another in its place. */
  async replace(place) {
    const one = this.#living.get(place)
    if (one.isTerminated) return
    one.isTerminated = true
    await one.worker.terminate()
    this.kills++
    this.lost += this.#counts[one.row * COUNT.WORDS + COUNT.SENT] - endedOf(this.#counts, one.row)
    this.start(place)
  }

  async ready() {
    for (const { isReady } of this.#living.values()) await isReady
  }

  /** Rows of those that live. */
  get rows() {
    return [...this.#living.values()].map(({ row }) => row)
  }

  get count() {
    return this.#living.size
  }

  ask(place, order, rest) {
    return this.#living.get(place).asked.ask(order, rest)
  }

  askAll(order, rest) {
    return Promise.all([...this.#living.keys()].map((place) => this.ask(place, order, rest)))
  }

  /** All detach, and end by themselves. */
  async stop() {
    const exits = [...this.#living.values()].map(({ worker }) => once(worker, 'exit'))
    await this.askAll('stop')
    for (const [code] of await Promise.all(exits))
      if (code !== 0) this.#unexpected(`a thread ended with ${code}`)
  }
}
