import { once } from 'node:events'
import { type Transferable, Worker } from 'node:worker_threads'
import type { Sample } from './case.js'
import { type Done, GATE, type ThreadData } from './thread-work.js'

const THREAD = new URL('./thread.js', import.meta.url)
const NS_PER_US = 1e3

export interface Slice {
  /** What each thread saw, in their order. */
  readonly samples: readonly Sample[]
  /** From the first thread's beginning to the last one's end, ns. */
  readonly ns: number
  /** CPU time of all threads of the process meanwhile, ns. */
  readonly cpuNs: number
}

/** The worker threads of a case. Between slices they wait for a message and cost nothing. */
export class Threads {
  readonly #workers: readonly Worker[]
  readonly #failed: Promise<never>

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers
    this.#failed = Promise.race(
      workers.map(async (worker) => {
        const [error] = await once(worker, 'error')
        throw error
      }),
    ) as Promise<never>
    // Reported by whoever waits for a thread at that time.
    this.#failed.catch(() => {})
  }

  /**
   * One thread for each of `parameters`, plain data for the `prepareThread` of `module`; resolves when all are set up.
   * `transfer`: the message ports among them, by thread.
   */
  static async start(
    module: string,
    parameters: readonly unknown[],
    transfer: readonly (readonly Transferable[])[] = [],
  ): Promise<Threads> {
    const gate = new Int32Array(new SharedArrayBuffer(GATE.WORDS * Int32Array.BYTES_PER_ELEMENT))
    gate[GATE.THREADS] = parameters.length
    const workers = parameters.map((one, i) => {
      const workerData: ThreadData = { module, parameters: one, gate }
      return new Worker(THREAD, { workerData, transferList: [...(transfer[i] ?? [])] })
    })
    const threads = new Threads(workers)
    await threads.#answers(() => {})
    return threads
  }

  /** One slice of all threads at once, each with its input. */
  async slice(inputs: readonly unknown[]): Promise<Slice> {
    const cpu = process.cpuUsage()
    const done = (await this.#answers((worker, i) => worker.postMessage(inputs[i]))) as Done[]
    const { user, system } = process.cpuUsage(cpu)
    return {
      samples: done.map(({ sample }) => sample),
      ns: Math.max(...done.map(({ ended }) => ended)) - Math.min(...done.map(({ begun }) => begun)),
      cpuNs: (user + system) * NS_PER_US,
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #answers(ask: (worker: Worker, i: number) => void): Promise<unknown[]> {
    const answers = this.#workers.map(async (worker, i) => {
      const answer = once(worker, 'message')
      ask(worker, i)
      return (await answer)[0]
    })
    return Promise.race([Promise.all(answers), this.#failed])
  }
}
