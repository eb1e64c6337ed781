import type { EndpointDiff } from '../configuration/configured-service.js'
import { HEADER } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { SourceNews } from '../observe/source-news.js'
import type { SourceStats } from '../observe/stats.js'
import type { Timers } from '../runtime/timers.js'
import { ServiceChecks } from './service-checks.js'
import type { ServiceRuntime } from './service-runtime.js'
import { ServiceSources, type SourceParts } from './service-sources.js'

/** What runs beside the requests of one service. */
interface ServiceLoops {
  readonly checks: ServiceChecks
  readonly sources: ServiceSources
}

/**
 * What runs beside the requests: sources of endpoints, active checks, and attempts to connect to endpoints that nobody could connect to, all in the
 * thread that leads. It also watches for the ends of ejections, which any thread may bring about.
 */
export class ControlLoops {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #leads: () => boolean
  readonly #sourceParts: SourceParts
  readonly #loops = new Map<ServiceRuntime, ServiceLoops>()
  #stopped = false

  constructor(state: SharedState, timers: Timers, sourceParts: SourceParts) {
    this.#state = state
    this.#timers = timers
    this.#leads = sourceParts.leads
    this.#sourceParts = sourceParts
  }

  add(service: ServiceRuntime): void {
    const checks = new ServiceChecks(service, this.#state, this.#timers, this.#leads)
    const sources = new ServiceSources(service, this.#timers, this.#sourceParts)
    this.#loops.set(service, { checks, sources })
  }

  remove(service: ServiceRuntime): void {
    const loops = this.#loops.get(service)
    void loops?.checks.stop()
    loops?.sources.stop()
    this.#loops.delete(service)
  }

  /** The service's options or endpoints have changed, or one of them was set by hand. */
  configure(service: ServiceRuntime): void {
    this.#loops.get(service)?.checks.configure()
    this.#loops.get(service)?.sources.configure()
  }

  /** Some of the service's endpoints are new, or say something else, and its options are as they were. */
  follow(service: ServiceRuntime, diff: EndpointDiff): void {
    this.#loops.get(service)?.checks.follow([...diff.added, ...diff.changed])
  }

  /** An endpoint has left. */
  forget(service: ServiceRuntime, id: string): void {
    this.#loops.get(service)?.checks.forget(id)
  }

  /** Runs the loops where this thread leads and the balancer was started, and stops them where not. */
  update(): void {
    const leads = this.#leads() && !this.#stopped
    const runs = leads && Atomics.load(this.#state.root, HEADER.STARTED) === 1
    for (const { checks, sources } of this.#loops.values()) {
      if (runs) {
        checks.start()
        sources.start()
      } else {
        void checks.stop()
        sources.stop()
      }
    }
    if (leads) for (const service of this.#loops.keys()) service.ejection.watch()
  }

  /** Another thread has ejected an endpoint of the service, or set it by hand. */
  inspect(service: ServiceRuntime): void {
    this.configure(service)
    service.ejection.watch()
  }

  /** Resolves when each source that this thread asks has answered, or could not. */
  async ready(): Promise<void> {
    await Promise.all(Array.from(this.#loops.values(), ({ sources }) => sources.ready()))
  }

  /** What other threads are to know of the sources that this thread asks; all there is where `all`. */
  sourceNews(all: boolean): SourceNews[] {
    return Array.from(this.#loops.values(), ({ sources }) => sources.news(all)).flat()
  }

  /** The thread that leads has told of a source. */
  hear(service: ServiceRuntime, news: SourceNews): void {
    this.#loops.get(service)?.sources.hear(news)
  }

  sourceStats(service: ServiceRuntime): SourceStats[] {
    return this.#loops.get(service)?.sources.stats ?? []
  }

  /** Resolves when the checks under way are over. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const { sources } of this.#loops.values()) sources.stop()
    await Promise.all(Array.from(this.#loops.values(), ({ checks }) => checks.stop()))
  }
}
