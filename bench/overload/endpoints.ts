/**
 * Endpoints with workers, in one process: each serves so many requests at once and keeps the others in a line without
 * end, as a thread pool does. Of a request whose caller has gone it notices nothing, unless `noticesAborts`: then it does not begin it.
 * When a worker is free is reckoned, not waited for, so that timers that are late cost no capacity.
 */
import { createServer, type ServerResponse } from 'node:http'
import type { Case } from '../harness/case.js'
import { mulberry32 } from '../harness/random.js'

export interface Parameters {
  readonly endpoints: number
  readonly workers: number
  readonly service: 'fixed' | 'exponential'
  readonly meanMs: number
  readonly noticesAborts: boolean
}

interface Job {
  readonly response: ServerResponse
  readonly arrivedAt: number
  readonly serviceMs: number
}

export async function prepare(parameters: Parameters): Promise<Case> {
  const { endpoints, workers, service, meanMs, noticesAborts } = parameters
  const random = mulberry32(1)
  let drawn = 0
  let jobs = 0
  const draw = (): number => {
    const ms = service === 'fixed' ? meanMs : -Math.log(1 - random()) * meanMs
    drawn += ms
    jobs++
    return ms
  }
  const all = Array.from({ length: endpoints }, () => new Endpoint(workers, noticesAborts, draw))
  const ready: Record<string, number> = {}
  for (const [i, endpoint] of all.entries()) ready[`port${i}`] = await endpoint.listen()
  return {
    ready,
    /** Forgets everything, and says what a request took on average since the last time, ms. */
    slice() {
      const mean = jobs === 0 ? meanMs : drawn / jobs
      for (const endpoint of all) endpoint.forget()
      drawn = 0
      jobs = 0
      return { meanMs: mean }
    },
  }
}

class Endpoint {
  readonly #server = createServer((_, response) => {
    this.#line.push({ response, arrivedAt: performance.now(), serviceMs: this.#draw() })
    this.#work()
  })
  readonly #noticesAborts: boolean
  readonly #draw: () => number
  /** When each worker is, or was, free; and what it has begun. */
  readonly #freeAt: Float64Array
  readonly #begun: (Job | undefined)[]
  #line: Job[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(workers: number, noticesAborts: boolean, draw: () => number) {
    this.#freeAt = new Float64Array(workers)
    this.#begun = new Array(workers).fill(undefined)
    this.#noticesAborts = noticesAborts
    this.#draw = draw
  }

  listen(): Promise<number> {
    this.#server.keepAliveTimeout = 0
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(0, '127.0.0.1', () => resolve((this.#server.address() as { port: number }).port))
    })
  }

  forget(): void {
    clearTimeout(this.#timer)
    this.#server.closeAllConnections()
    this.#line = []
    this.#begun.fill(undefined)
    this.#freeAt.fill(0)
  }

  /** Ends what is done by now, begins what can be begun, and comes again when the next is done. */
  #work(): void {
    clearTimeout(this.#timer)
    const now = performance.now()
    for (;;) {
      const idle = this.#first((worker) => this.#begun[worker] === undefined)
      if (idle >= 0 && this.#begin(idle)) continue
      const next = this.#first((worker) => this.#begun[worker] !== undefined)
      if (next < 0) return
      if (this.#freeAt[next] > now) {
        this.#timer = setTimeout(() => this.#work(), this.#freeAt[next] - now)
        return
      }
      this.#begun[next]?.response.setHeader('content-length', 2).end('ok')
      this.#begun[next] = undefined
    }
  }

  #begin(worker: number): boolean {
    for (;;) {
      const job = this.#line.shift()
      if (job === undefined) return false
      if (this.#noticesAborts && job.response.destroyed) continue
      this.#freeAt[worker] = Math.max(this.#freeAt[worker], job.arrivedAt) + job.serviceMs
      this.#begun[worker] = job
      return true
    }
  }

  /** Of those workers the one that is or was free first; -1: there is none. */
  #first(isOne: (worker: number) => boolean): number {
    let first = -1
    for (let i = 0; i < this.#freeAt.length; i++)
      if (isOne(i) && (first < 0 || this.#freeAt[i] < this.#freeAt[first])) first = i
    return first
  }
}
