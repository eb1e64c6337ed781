/** Nodes of a topology from sources of endpoints. */
import { SourceRun } from '../balancer/source-run.js'
import type { Endpoint, TopologyNode } from '../model/index.js'
import type { SourceEvent } from '../observe/events.js'
import type { SourceStats } from '../observe/stats.js'
import { serviceNameFault } from '../options/address.js'
import { Faults, join } from '../options/faults.js'
import { isRecord } from '../options/kinds.js'
import { copyPlain } from '../options/plain.js'
import { wrong } from '../options/words.js'
import type { TimerHandle, Timers } from '../runtime/timers.js'
import { keyOf } from '../sources/found.js'
import { describeSource, type ResolvedSource, resolveSources } from '../sources/options.js'
import type { Lead } from './lead.js'
import { resolveNode } from './resolve.js'
import type { TopologySnapshot } from './snapshot.js'
import type { TopologyChange } from './state.js'
import { isEmpty, NO_CHANGE } from './update.js'

/** Between two looks at whether this thread leads, and two signs of life of a leader. */
const BEAT_MS = 1_000
/** A leader without a sign of life is replaced. */
const LOST_AFTER_MS = 5_000

export interface FollowerParts {
  readonly timers: Timers
  readonly lead: Lead
  readonly change: (plan: (snapshot: TopologySnapshot) => TopologyChange | undefined) => void
  readonly tell: (event: SourceEvent) => void
}

/** Sources by service. */
export type Followed = ReadonlyMap<string, readonly ResolvedSource[]>

/** @throws ConfigError with every fault and its path */
export function parseFollowed(input: unknown): Followed {
  const faults = new Faults()
  const given = copyPlain(input, '', faults)
  const followed = new Map<string, readonly ResolvedSource[]>()
  if (!isRecord(given) || Object.keys(given).length === 0)
    faults.add('', wrong('an object of sources by service', given))
  else
    for (const [service, source] of Object.entries(given)) {
      const path = join('', service)
      const nameFault = serviceNameFault(service)
      if (nameFault !== undefined) faults.add(path, nameFault)
      followed.set(service, resolveSources(source, path, faults))
    }
  faults.throwIfAny()
  return followed
}

/** A source of a service at work. */
interface FollowedRun {
  readonly service: string
  readonly source: ResolvedSource
  readonly run: SourceRun
}

/** Asks the sources, in one thread of those that would, and has the topology follow them. */
export class TopologyFollower {
  readonly #followed: Followed
  readonly #parts: FollowerParts
  /** What each source has found last, by service and key; a source that has not answered yet is not there. */
  readonly #found = new Map<string, Map<string, readonly Endpoint[]>>()
  readonly #runs: FollowedRun[] = []
  #timer: TimerHandle | undefined
  #stopped = false

  constructor(followed: Followed, parts: FollowerParts) {
    this.#followed = followed
    this.#parts = parts
    this.#beat()
  }

  /** Whether this thread asks. */
  get leads(): boolean {
    return !this.#stopped && this.#parts.lead.holds
  }

  get stats(): Record<string, SourceStats[]> {
    const now = this.#parts.timers.now()
    const stats: Record<string, SourceStats[]> = {}
    for (const { service, source, run } of this.#runs) {
      const { answeredAt, error, heldUntil } = run.state
      stats[service] ??= []
      stats[service].push({
        source: describeSource(source),
        endpoints: this.#found.get(service)?.get(run.key)?.length ?? 0,
        ageMs: answeredAt === undefined ? undefined : now - answeredAt,
        error,
        heldMs: heldUntil === undefined ? undefined : Math.max(0, heldUntil - now),
      })
    }
    return stats
  }

  /** Resolves when each source that this thread asks has answered, or could not. */
  async ready(): Promise<void> {
    await Promise.all(this.#runs.map(({ run }) => run.ready))
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#end()
    this.#parts.lead.resign()
  }

  #beat(): void {
    const { timers, lead } = this.#parts
    this.#timer = timers.after(BEAT_MS, () => this.#beat())
    if (!lead.take(LOST_AFTER_MS)) this.#end()
    else if (this.#runs.length === 0) this.#begin()
  }

  #begin(): void {
    for (const [service, sources] of this.#followed)
      for (const source of sources)
        this.#runs.push({
          service,
          source,
          run: new SourceRun(source, this.#targetOf(service), this.#parts.timers),
        })
    for (const { run } of this.#runs.slice()) run.start()
  }

  #end(): void {
    for (const { run } of this.#runs.splice(0)) run.stop()
    this.#found.clear()
  }

  #targetOf(service: string) {
    return {
      inForce: (key: string) => this.#found.get(service)?.get(key) ?? [],
      replace: ({ key, endpoints }: { readonly key: string; readonly endpoints: readonly Endpoint[] }) => {
        let found = this.#found.get(service)
        if (found === undefined) this.#found.set(service, (found = new Map()))
        const before = found.get(key)
        found.set(key, endpoints)
        try {
          this.#follow(service)
        } catch (error) {
          if (before === undefined) found.delete(key)
          else found.set(key, before)
          throw error
        }
      },
      leads: () => this.leads,
      tell: (_key: string, type: SourceEvent['type'], source: string, reason: string) =>
        this.#parts.tell({ type, service, source, reason }),
    }
  }

  #follow(service: string): void {
    const sources = this.#followed.get(service) ?? []
    const found = this.#found.get(service)
    /** By id; of two sources that know one the first counts. */
    const endpoints = new Map<string, Endpoint>()
    for (const source of sources)
      for (const endpoint of found?.get(keyOf(source)) ?? [])
        if (!endpoints.has(endpoint.id)) endpoints.set(endpoint.id, endpoint)
    // Of a source that has not answered yet nobody knows whom it knows.
    const isComplete = sources.every((source) => found?.has(keyOf(source)))
    this.#parts.change((snapshot) => {
      const nodes: TopologyNode[] = []
      const removedNodes: string[] = []
      for (const endpoint of endpoints.values()) {
        const before = snapshot.node(endpoint.id)
        if (before !== undefined && this.#made.get(endpoint) === before) continue
        const node = nodeOf(service, endpoint, before)
        if (before === undefined || JSON.stringify(before) !== JSON.stringify(node)) nodes.push(node)
        this.#made.set(endpoint, node)
      }
      for (const node of isComplete ? snapshot.ofService(service) : []) {
        if (endpoints.has(node.id)) continue
        const { [service]: _, ...services } = node.services
        if (Object.keys(services).length === 0) removedNodes.push(node.id)
        else nodes.push(Object.freeze({ ...node, services: Object.freeze(services) }))
      }
      const change = { ...NO_CHANGE, nodes, removedNodes }
      return isEmpty(change) ? undefined : change
    })
  }

  /** The node that an endpoint was made into: one that is as before is not made anew. */
  readonly #made = new WeakMap<Endpoint, TopologyNode>()
}

/** Its state is what somebody has set it to. */
function nodeOf(service: string, endpoint: Endpoint, before: TopologyNode | undefined): TopologyNode {
  const { id, url, weight, zone, region, metadata } = endpoint
  const { dataCenter, capabilities } = metadata
  const services = { ...before?.services, [service]: url }
  const base = { id, weight, zone, region, metadata, services, state: before?.state ?? 'up' }
  const more = {
    ...(typeof dataCenter === 'string' && { dataCenter }),
    ...(Array.isArray(capabilities) && { capabilities }),
  }
  const faults = new Faults()
  // What a source says of data centre and capabilities may be anything.
  return (resolveNode({ ...base, ...more }, '', faults) ??
    resolveNode(base, '', new Faults())) as TopologyNode
}
