import { channel } from 'node:diagnostics_channel'
import { jittered, type TimerHandle, type Timers } from '../runtime/timers.js'
import type { BalancerStats, ServiceStats } from './stats.js'

const JITTER = 0.1
const MS_PER_S = 1_000

/** Of a service, per second since the last collection. */
export interface ServiceRates {
  readonly requests: number
  readonly succeeded: number
  readonly failed: number
  readonly retried: number
}

/** Emitted as `stats`, and published on the diagnostics channel `fairlead:stats`. */
export interface StatsEvent {
  /** As `balancer.stats()` gives it: of all threads, since the beginning. */
  readonly stats: BalancerStats
  /** By service: of all threads, since the last collection. */
  readonly rates: Readonly<Record<string, ServiceRates>>
  /** Time since the last collection, ms. */
  readonly periodMs: number
}

export const statsChannel = channel('fairlead:stats')

const COUNTS = [
  'requests',
  'succeeded',
  'failed',
  'retried',
] as const satisfies readonly (keyof ServiceStats)[]

/** Collects statistics again and again, in the thread that leads, as long as somebody listens. */
export class StatsCollector {
  readonly #timers: Timers
  readonly #leads: () => boolean
  readonly #collect: () => BalancerStats
  readonly #tell: (event: StatsEvent) => void
  #timer: TimerHandle | undefined
  #intervalMs = 0
  #last: { readonly stats: BalancerStats; readonly at: number } | undefined

  constructor(
    timers: Timers,
    leads: () => boolean,
    collect: () => BalancerStats,
    tell: (event: StatsEvent) => void,
  ) {
    this.#timers = timers
    this.#leads = leads
    this.#collect = collect
    this.#tell = tell
  }

  /** From now on, every so many ms; where it does so already nothing changes. */
  start(intervalMs: number): void {
    if (this.#timer !== undefined && this.#intervalMs === intervalMs) return
    this.#intervalMs = intervalMs
    this.#timer?.cancel()
    this.#last = this.#leads() ? this.#taken() : undefined
    this.#schedule(intervalMs)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#last = undefined
  }

  #schedule(intervalMs: number): void {
    this.#timer = this.#timers.after(jittered(this.#timers, intervalMs, JITTER), () => {
      this.#schedule(intervalMs)
      this.#look()
    })
  }

  #look(): void {
    const before = this.#last
    try {
      this.#last = this.#leads() ? this.#taken() : undefined
    } catch {
      // What threads share was damaged, which others tell of.
      this.#last = undefined
    }
    // A thread that has just come to lead has nothing to compare with.
    if (before === undefined || this.#last === undefined) return
    const { stats, at } = this.#last
    const periodMs = at - before.at
    const rates = Object.entries(stats.services).map(([name, service]) => [
      name,
      ratesOf(service, before.stats.services[name], periodMs),
    ])
    this.#tell({ stats, rates: Object.fromEntries(rates), periodMs })
  }

  #taken() {
    return { stats: this.#collect(), at: this.#timers.now() }
  }
}

function ratesOf(now: ServiceStats, before: ServiceStats | undefined, periodMs: number): ServiceRates {
  const rates = COUNTS.map((count) => [
    count,
    (Math.max(0, now[count] - (before?.[count] ?? 0)) * MS_PER_S) / periodMs,
  ])
  return Object.fromEntries(rates) as unknown as ServiceRates
}
