import type { LoadReport } from '../model/index.js'
import { LoadReporter } from '../policy/load-reporter.js'
import type { IncidentConfig, SimulatedEndpointConfig } from './config.js'
import { hangsUntil, noTrouble, type Trouble, troubleAt } from './incidents.js'

/** Requests a second and utilization are those of the last whole window, ms. */
const REPORT_WINDOW_MS = 1_000
const MS_PER_S = 1_000
/** What is less than this away is now. */
const ROUNDING_MS = 1e-6

/** One endpoint: workers, and a queue of the requests that none of them has begun. Knows requests by number only. */
export class SimulatedEndpoint {
  readonly id: string
  readonly workers: number
  readonly speed: number
  /** What was given up before it was begun is not begun. */
  readonly noticesAborts: boolean
  readonly incidents: IncidentConfig[]
  /** Counts what a server counts of itself, with fairlead's own class for it; undefined where nobody asks. */
  readonly reporter: LoadReporter | undefined
  /** An antagonist's factor at the moment. */
  contention = 1
  /** Requests that are worked on. */
  busy = 0
  /** Of all requests that were sent here by the clients. */
  requests = 0
  /** ms that workers were at work on them. */
  busyMs = 0
  readonly #trouble = noTrouble()
  readonly #waiting: number[] = []
  #head = 0
  readonly #now: () => number
  #windowEnd = 0
  #answered = 0
  #processorMs = 0
  #report: LoadReport = {}

  /** @param now ms since the simulation began */
  constructor(id: string, config: SimulatedEndpointConfig, now: () => number, reports: boolean) {
    this.id = id
    this.workers = config.workers === 0 ? Number.POSITIVE_INFINITY : (config.workers ?? 1)
    this.speed = config.speed ?? 1
    this.noticesAborts = config.noticesAborts ?? true
    this.incidents = [...(config.incidents ?? [])]
    this.#now = now
    this.reporter = reports ? new LoadReporter(now) : undefined
  }

  /** What is wrong with it now; the object is used again. */
  get trouble(): Trouble {
    return troubleAt(this.incidents, this.#now(), this.#trouble)
  }

  /** For how long it answers nothing from now on, ms; 0: it does not hang. */
  get hangsForMs(): number {
    if (this.incidents.length === 0) return 0
    const now = this.#now()
    const ms = hangsUntil(this.incidents, now) - now
    return ms > ROUNDING_MS ? ms : 0
  }

  get waiting(): number {
    return this.#waiting.length - this.#head
  }

  /** How long a request takes that begins now, ms. */
  durationOf(work: number): number {
    return (work * this.contention * this.trouble.slowBy) / this.speed
  }

  wait(request: number): void {
    this.#waiting.push(request)
  }

  /** The request that has waited longest, or -1. */
  next(): number {
    if (this.#head === this.#waiting.length) return -1
    const request = this.#waiting[this.#head++]
    if (this.#head === this.#waiting.length) {
      this.#waiting.length = 0
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
      this.#waiting.splice(0, this.#head)
      this.#head = 0
    }
    return request
  }

  /** Everything it has begun or not begun is lost. */
  crash(): void {
    this.busy = 0
    this.#waiting.length = 0
    this.#head = 0
  }

  /** A request was answered: `ms` of a worker's time, of which what an antagonist took away was no use of the processor. */
  worked(ms: number): void {
    this.busyMs += ms
    if (this.reporter === undefined) return
    this.#roll()
    this.#answered++
    this.#processorMs += ms / this.contention
  }

  /** What it says of itself in an answer. */
  report(): LoadReport {
    this.#roll()
    return this.#report
  }

  /** What it says of itself to a probe. */
  probed(): LoadReport {
    const { inFlight, latencyMs } = this.reporter as LoadReporter
    return { named: { rif: inFlight, latency_ms: latencyMs } }
  }

  #roll(): void {
    const now = this.#now()
    if (now < this.#windowEnd) return
    const windowMs = REPORT_WINDOW_MS + now - this.#windowEnd
    // Of an endpoint without a limit of workers, one is what it should use.
    const workers = Number.isFinite(this.workers) ? this.workers : 1
    if (this.#windowEnd > 0) {
      const rps = (this.#answered / windowMs) * MS_PER_S
      this.#report = { rps, cpuUtilization: this.#processorMs / windowMs / workers }
    }
    this.#windowEnd = now + REPORT_WINDOW_MS
    this.#answered = 0
    this.#processorMs = 0
  }
}
