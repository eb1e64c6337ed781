/**
 * Endpoints from Consul: the instances of a service, asked for by blocking queries. An answer brings an index; the next request
 * names it, and Consul holds that request until something has changed. The rules of the index are those of Consul's page
 * "Blocking Queries".
 */
import type { TimerHandle, Timers } from '../../runtime/timers.js'
import { backoffMs } from '../backoff.js'
import type { RunningSource, SourceSink } from '../source.js'
import { TokenBucket } from '../token-bucket.js'
import { HealthApi, type InstancesAnswer } from './api.js'
import { endpointsOf, type InstanceEndpoint } from './instances.js'
import type { ResolvedConsul } from './options.js'

/** Consul waits for up to this share of `wait` longer, by chance. */
const WAIT_JITTER = 1 / 16
/** Changes in quick succession that are followed at once, and the time between two of those that come after. */
const BURST = 5
const CHURN_MS = 1_000

export function startConsul(options: ResolvedConsul, sink: SourceSink, timers: Timers): RunningSource {
  return new ConsulSource(options, sink, timers)
}

class ConsulSource implements RunningSource {
  readonly #options: ResolvedConsul
  readonly #sink: SourceSink
  readonly #timers: Timers
  readonly #api: HealthApi
  readonly #requests: TokenBucket
  /** Of the request under way. */
  #asking = new AbortController()
  /** When that request is given up. */
  #late: TimerHandle | undefined
  #pausing: TimerHandle | undefined
  /** What is known is of this index; undefined: all is asked for anew. */
  #index: bigint | undefined
  #failures = 0
  /** The last answer that was told and taken, as text; undefined: none, or it was refused. */
  #told: string | undefined
  #isStopped = false

  constructor(options: ResolvedConsul, sink: SourceSink, timers: Timers) {
    this.#options = options
    this.#sink = sink
    this.#timers = timers
    this.#api = new HealthApi(options)
    this.#requests = new TokenBucket(BURST, CHURN_MS, timers)
    void this.#run()
  }

  stop(): void {
    this.#isStopped = true
    this.#late?.cancel()
    this.#pausing?.cancel()
    this.#asking.abort()
    this.#api.hangUp()
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      try {
        const churnMs = this.#requests.take()
        if (churnMs > 0) await this.#pause(churnMs)
        const answer = await this.#ask()
        if (this.#isStopped) return
        this.#take(answer)
        this.#failures = 0
      } catch (error) {
        if (!this.#isStopped) await this.#recover(error)
      }
    }
  }

  async #ask(): Promise<InstancesAnswer> {
    const { wait, timeout } = this.#options
    const mostMs = this.#index === undefined ? timeout : wait * (1 + WAIT_JITTER) + timeout
    const asking = new AbortController()
    this.#asking = asking
    this.#late = this.#timers.after(mostMs, () =>
      asking.abort(new Error(`${this.#api.name} has not answered for ${Math.round(mostMs)} ms`)),
    )
    try {
      return await this.#api.ask(this.#index, asking.signal)
    } finally {
      this.#late.cancel()
    }
  }

  #take({ instances, index }: InstancesAnswer): void {
    if (this.#index !== undefined && index < this.#index) {
      // A server that was restored, or lags behind: what it says is older than what is known. All is asked for anew.
      this.#index = undefined
      return
    }
    // With 0, which old versions answered, the next request would not be held.
    this.#index = index > 0n ? index : 1n
    let endpoints: readonly InstanceEndpoint[]
    try {
      endpoints = endpointsOf(instances, this.#options)
    } catch (error) {
      // The next change may mend it: asking again would bring the same.
      this.#sink.failed(
        new Error(`what ${this.#api.name} answers: ${(error as Error).message}`, { cause: error }),
      )
      return
    }
    const text = JSON.stringify(endpoints)
    if (text === this.#told) this.#sink.unchanged()
    else this.#told = this.#sink.found(endpoints) ? text : undefined
  }

  async #recover(error: unknown): Promise<void> {
    this.#failures++
    this.#index = undefined
    this.#api.hangUp()
    this.#sink.failed(error)
    await this.#pause(backoffMs(this.#failures, error, this.#timers))
  }

  /** Never ends where the source is stopped meanwhile. */
  async #pause(ms: number): Promise<void> {
    if (this.#isStopped) return
    await new Promise<void>((resolve) => {
      this.#pausing = this.#timers.after(ms, resolve)
    })
  }
}
