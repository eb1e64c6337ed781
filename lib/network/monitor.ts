/** The topology monitor: measures from one region to all, in one thread of those that would. */
import type { TopologyMeasurement, TopologyNode } from '../model/index.js'
import { MAX_MS } from '../options/common.js'
import { Faults } from '../options/faults.js'
import { group, number, text } from '../options/kinds.js'
import { copyPlain } from '../options/plain.js'
import { withDefaults } from '../options/resolve.js'
import type { ConfigOf, ResolvedOf } from '../options/types.js'
import { validate } from '../options/validate.js'
import { reasonOf } from '../runtime/foreign.js'
import { jittered, type TimerHandle, type Timers } from '../runtime/timers.js'
import type { Lead } from './lead.js'
import type { measureBandwidth, probeConnection } from './probe.js'
import { RegionWatch } from './region-watch.js'
import type { TopologySnapshot } from './snapshot.js'

const JITTER = 0.1
/** A leader is replaced after so many rounds without a sign of life. */
const LOST_ROUNDS = 3
/** A probe whose wait ended this much too late, ms, says nothing: this thread was held up. */
const LATE_MS = 250

export const MONITOR = group(
  {
    region: text({
      right: 'the name of a region',
      minLength: 1,
      required: true,
      about: 'Region that this process is in.',
    }),
    interval: number({
      integer: true,
      min: 10,
      max: MAX_MS,
      unit: 'ms',
      default: 10_000,
      about: 'Between two rounds.',
    }),
    timeout: number({
      integer: true,
      min: 1,
      max: MAX_MS,
      unit: 'ms',
      default: 2_000,
      about: 'Wait for one probe.',
    }),
    probes: number({
      integer: true,
      min: 1,
      max: 100,
      default: 3,
      about: 'Nodes of each region that are asked in a round, others in the next one.',
    }),
    samples: number({
      integer: true,
      min: 1,
      max: 1_000,
      default: 20,
      about: 'Probes that loss is counted over.',
    }),
    cutAfter: number({
      integer: true,
      min: 1,
      max: 100,
      default: 3,
      about: 'Rounds without any answer after which a region counts as cut off.',
    }),
    bandwidth: group(
      {
        path: text({
          right: 'a path like `/1m`',
          pattern: /^\//,
          required: true,
          about: 'Of the services of nodes: what is fetched.',
        }),
        bytes: number({ integer: true, min: 1, max: 2 ** 30, default: 1_048_576, about: 'Fetched at most.' }),
        interval: number({
          integer: true,
          min: 10,
          max: MAX_MS,
          unit: 'ms',
          default: 60_000,
          about: 'Between two measurements of a region.',
        }),
      },
      { off: true, summary: 'Measure bandwidth, by fetching something from one node of each region.' },
    ),
  },
  { name: 'MonitorConfig', right: 'an object with `region`', summary: 'How a `Topology` is measured.' },
)

export type MonitorOptions = ConfigOf<typeof MONITOR.shape>
type Resolved = ResolvedOf<typeof MONITOR.shape>

export interface MonitorParts {
  readonly timers: Timers
  readonly lead: Lead
  readonly snapshot: () => TopologySnapshot
  readonly publish: (measurements: readonly TopologyMeasurement[]) => void
  readonly probe: typeof probeConnection
  readonly fetchBandwidth: typeof measureBandwidth
}

/** @throws ConfigError */
export function parseMonitorOptions(input: unknown): Resolved {
  const faults = new Faults()
  const config = validate(MONITOR, copyPlain(input, '', faults), '', faults)
  faults.throwIfAny()
  return withDefaults(MONITOR.shape, config as MonitorOptions)
}

export class TopologyMonitor {
  readonly #options: Resolved
  readonly #parts: MonitorParts
  readonly #regions = new Map<string, RegionWatch>()
  /** Where in a region's list the next round begins. */
  readonly #turns = new Map<string, number>()
  readonly #bandwidthDue = new Map<string, number>()
  #timer: TimerHandle | undefined
  #stopped = false

  constructor(options: Resolved, parts: MonitorParts) {
    this.#options = options
    this.#parts = parts
    this.#schedule(0)
  }

  /** Whether this thread measures. */
  get leads(): boolean {
    return !this.#stopped && this.#parts.lead.holds
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#parts.lead.resign()
  }

  #schedule(ms: number): void {
    this.#timer = this.#parts.timers.after(ms, () => {
      this.#round()
        .catch((error) =>
          process.emitWarning(`A round of a topology's monitor has failed: ${reasonOf(error)}`, {
            code: 'FAIRLEAD_MONITOR',
          }),
        )
        .finally(() => {
          if (!this.#stopped) this.#schedule(jittered(this.#parts.timers, this.#options.interval, JITTER))
        })
    })
  }

  async #round(): Promise<void> {
    const { lead, snapshot, publish } = this.#parts
    const { interval, timeout } = this.#options
    // A round may take two time-outs, probe and bandwidth, in which it gives no sign of life.
    if (lead.take(LOST_ROUNDS * interval + 2 * timeout + LATE_MS)) {
      const now = snapshot()
      const regions = now.regions()
      for (const region of this.#regions.keys())
        if (!regions.includes(region)) {
          this.#regions.delete(region)
          this.#turns.delete(region)
          this.#bandwidthDue.delete(region)
        }
      await Promise.all(regions.map((region) => this.#look(region, now.inRegion(region))))
      // Another one may have taken over while this thread was held up.
      if (this.#stopped) return
      if (!lead.holds) return this.#forget()
      const news = [...this.#regions.values()].flatMap((watch) => watch.news ?? [])
      if (news.length === 0) return
      publish(news)
      for (const watch of this.#regions.values()) watch.told()
    } else this.#forget()
  }

  /** What another thread has measured meanwhile is what counts. */
  #forget(): void {
    this.#regions.clear()
    this.#turns.clear()
  }

  async #look(region: string, nodes: readonly TopologyNode[]): Promise<void> {
    const { region: own, samples, cutAfter, probes } = this.#options
    // Those that are said to be down are not expected to answer.
    const asked = nodes.filter(({ state, services }) => state !== 'down' && Object.keys(services).length > 0)
    if (asked.length === 0) return
    let watch = this.#regions.get(region)
    if (watch === undefined) {
      const before = this.#parts.snapshot().measured(own, region)
      watch = new RegionWatch(own, region, { samples, cutAfter, before })
      this.#regions.set(region, watch)
    }
    const turn = this.#turns.get(region) ?? 0
    const count = Math.min(probes, asked.length)
    this.#turns.set(region, (turn + count) % asked.length)
    const chosen = Array.from({ length: count }, (_, i) => asked[(turn + i) % asked.length])
    const latencies = await Promise.all(chosen.map((node) => this.#probe(node)))
    watch.round(latencies.filter((latency) => latency !== 'held'))
    await this.#fetch(region, chosen[0], watch)
  }

  /** Round trip, ms; undefined: no answer; `held`: this thread could not have heard one. */
  async #probe({ services }: TopologyNode): Promise<number | undefined | 'held'> {
    const { timers, probe } = this.#parts
    const { timeout } = this.#options
    const { protocol, hostname, port } = new URL(Object.values(services)[0])
    const begun = timers.now()
    const { latencyMs } = await probe(
      {
        host: hostname.replace(/^\[|\]$/g, ''),
        port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      },
      timeout,
    )
    if (latencyMs !== undefined) return latencyMs
    return timers.now() - begun > timeout + LATE_MS ? 'held' : undefined
  }

  async #fetch(region: string, { services }: TopologyNode, watch: RegionWatch): Promise<void> {
    const { bandwidth, timeout } = this.#options
    if (bandwidth === undefined) return
    const now = this.#parts.timers.now()
    if (now < (this.#bandwidthDue.get(region) ?? 0)) return
    this.#bandwidthDue.set(region, now + bandwidth.interval)
    const url = Object.values(services)[0] + bandwidth.path
    const mbps = await this.#parts.fetchBandwidth(url, bandwidth.bytes, timeout)
    if (mbps !== undefined) watch.bandwidth(mbps)
  }
}
