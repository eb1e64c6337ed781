import type { ServicePlan } from '../configuration/configured-service.js'
import { foundBy } from '../configuration/found.js'
import type { SourceChange } from '../observe/events.js'
import { type SourceNews, type SourceState, UNKNOWN_STATE } from '../observe/source-news.js'
import type { SourceStats } from '../observe/stats.js'
import type { Timers } from '../runtime/timers.js'
import { keyOf } from '../sources/found.js'
import { describeSource } from '../sources/options.js'
import type { ServiceRuntime } from './service-runtime.js'
import { SourceRun, type SourceTarget } from './source-run.js'

/** Something happened to a source of a service. */
export interface SourceChanged {
  readonly kind: 'source'
  readonly service: ServiceRuntime
  readonly type: SourceChange
  readonly source: string
  readonly reason: string
}

/** What sources need of the balancer. */
export interface SourceParts {
  readonly leads: () => boolean
  /** Makes a change of the configuration, for all threads. */
  readonly change: (plan: () => ServicePlan) => void
  readonly observe: (change: SourceChanged) => void
  /** Tells the other threads. */
  readonly publish: (news: readonly SourceNews[]) => void
}

/** A service's sources of endpoints. Of all threads that share a balancer one asks them, and all have the answer. */
export class ServiceSources {
  readonly #service: ServiceRuntime
  readonly #timers: Timers
  readonly #target: SourceTarget
  #runs: SourceRun[] = []
  /** As this thread has told the others, or another one has told it. */
  readonly #told = new Map<string, SourceState>()
  #started = false

  constructor(service: ServiceRuntime, timers: Timers, { leads, change, observe, publish }: SourceParts) {
    this.#service = service
    this.#timers = timers
    this.#target = {
      leads,
      inForce: (key) => foundBy(service.configured.base, key),
      replace: (found) => change(() => service.configured.planFound(found)),
      tell: (key, type, source, reason) => {
        const state = this.#runs.find((run) => run.key === key)?.state ?? UNKNOWN_STATE
        this.#told.set(key, state)
        publish([{ service: service.index, key, state, event: { type, source, reason } }])
        observe({ kind: 'source', service, type, source, reason })
      },
    }
  }

  start(): void {
    this.#started = true
    this.configure()
  }

  /** Looks at the service's configuration again: sources that are as before go on. */
  configure(): void {
    // In a simulation there is nothing to ask.
    if (!this.#started || this.#timers.simulated !== undefined) return
    const wanted = new Map(this.#service.options.sources.map((source) => [keyOf(source), source]))
    const kept = this.#runs.filter(({ key }) => wanted.has(key))
    for (const run of this.#runs) if (!wanted.has(run.key)) run.stop()
    for (const { key } of kept) wanted.delete(key)
    const added = Array.from(wanted.values(), (source) => new SourceRun(source, this.#target, this.#timers))
    // Before any of them starts: what a source finds at once leads back here.
    this.#runs = [...kept, ...added]
    for (const run of added) run.start()
  }

  stop(): void {
    this.#started = false
    for (const run of this.#runs.splice(0)) run.stop()
  }

  /** Resolves when each has answered or could not. */
  async ready(): Promise<void> {
    await Promise.all(this.#runs.map((run) => run.ready))
  }

  get stats(): SourceStats[] {
    const now = this.#timers.now()
    return this.#service.options.sources.map((source) => {
      const { answeredAt, error, heldUntil } = this.#stateOf(keyOf(source))
      return {
        source: describeSource(source),
        endpoints: foundBy(this.#service.configured.base, keyOf(source)).length,
        ageMs: answeredAt === undefined ? undefined : Math.max(0, now - answeredAt),
        error,
        heldMs: heldUntil === undefined ? undefined : Math.max(0, heldUntil - now),
      }
    })
  }

  /** What the other threads do not know yet; all there is where `all`. */
  news(all: boolean): SourceNews[] {
    const news: SourceNews[] = []
    for (const { key, state } of this.#runs) {
      if (!all && isSame(this.#told.get(key) ?? UNKNOWN_STATE, state)) continue
      this.#told.set(key, state)
      news.push({ service: this.#service.index, key, state })
    }
    return news
  }

  /** The thread that leads has told how a source is. */
  hear({ key, state }: SourceNews): void {
    this.#told.set(key, state)
  }

  #stateOf(key: string): SourceState {
    return this.#runs.find((run) => run.key === key)?.state ?? this.#told.get(key) ?? UNKNOWN_STATE
  }
}

const isSame = (a: SourceState, b: SourceState): boolean =>
  a.answeredAt === b.answeredAt && a.error === b.error && a.heldUntil === b.heldUntil
