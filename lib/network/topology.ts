import { EventEmitter } from 'node:events'
import { ArgumentError } from '../errors.js'
import type { MonitorConfig, SourceConfig, SourceName, TopologyLink, TopologyNode } from '../model/index.js'
import type { SourceEvent } from '../observe/events.js'
import type { SourceStats } from '../observe/stats.js'
import { isRecord } from '../options/kinds.js'
import { registerSource } from '../runtime/sources.js'
import { systemTimers } from '../runtime/timers.js'
import { unharmed } from '../runtime/unharmed.js'
import { blockId } from '../shared/handle.js'
import { followEndpoints, type TopologySource } from './endpoints.js'
import { parseFollowed, TopologyFollower } from './follow.js'
import { Lead } from './lead.js'
import {
  createMemory,
  FOLLOW_LEAD,
  MONITOR_LEAD,
  openHandle,
  type TopologyHandle,
  type TopologyMemory,
  toHandle,
} from './memory.js'
import { parseMonitorOptions, TopologyMonitor } from './monitor.js'
import { measureBandwidth, probeConnection } from './probe.js'
import { SharedTopology } from './shared-topology.js'
import type { TopologySnapshot } from './snapshot.js'
import type { TopologyDiff } from './state.js'
import { checkUpdate, differenceTo, isEmpty, NO_CHANGE, parseUpdate, type TopologyUpdate } from './update.js'

const NAME = /^[a-z][a-z0-9-]{0,63}$/
const MAX_NODES = 1_000_000

/** What a `Topology` is made of. */
export interface TopologyOptions {
  /** 1 to 64 of a-z, 0-9 and `-`, a letter first; `main` unless given. Names it within a thread. */
  readonly name?: string
  /** 100,000 unless given. */
  readonly maxNodes?: number
}

/** What happened to a node; `up`, `drain` and `down` are its state now. */
export interface NodeEvent {
  readonly type: 'added' | 'removed' | 'changed' | 'up' | 'drain' | 'down'
  readonly node: TopologyNode
}

/** What happened to a link. */
export interface LinkEvent {
  readonly type: 'added' | 'removed' | 'changed'
  readonly link: TopologyLink
}

/** Two regions are cut off from each other, as the first one sees it, or are not any more. */
export interface PartitionEvent {
  readonly type: 'cut' | 'healed'
  readonly from: string
  readonly to: string
}

/** A monitor at work. */
export interface TopologyMonitoring {
  /** Whether it is this thread that measures. */
  readonly leads: boolean
  stop(): void
}

/** Sources that are followed. */
export interface TopologyFollowing {
  /** Whether it is this thread that asks. */
  readonly leads: boolean
  /** How they are, by service; none where another thread asks. */
  readonly sources: Readonly<Record<string, readonly SourceStats[]>>
  /** Resolves when each source that this thread asks has answered, or could not. */
  ready(): Promise<void>
  stop(): void
}

/** The events of a `Topology`, in each thread that has it. */
export interface TopologyEvents {
  /** After each step to another snapshot. Updates that come quickly may be one step. */
  change: [snapshot: TopologySnapshot]
  node: [event: NodeEvent]
  link: [event: LinkEvent]
  partition: [event: PartitionEvent]
  /** Of a source that is followed, in the thread that asks. */
  source: [event: SourceEvent]
}

/**
 * Nodes, the services on them, and links between regions, over all threads that attach. Reading takes no lock and waits for
 * nobody: `snapshot` is immutable and is swapped whole. Any thread may change it; an update is in force for all of it or
 * for nothing of it.
 */
export class Topology extends EventEmitter<TopologyEvents> {
  readonly name: string
  readonly #memory: TopologyMemory
  readonly #shared: SharedTopology
  readonly #source: SourceName
  readonly #untold: [TopologyDiff, TopologySnapshot][] = []
  #monitor: TopologyMonitor | undefined
  #follower: TopologyFollower | undefined

  /** @throws ArgumentError */
  constructor(options?: TopologyOptions)
  /** @internal */
  constructor(options?: TopologyOptions | TopologyMemory)
  constructor(options: TopologyOptions | TopologyMemory = {}) {
    super()
    if (!isRecord(options as unknown))
      throw new ArgumentError('a Topology takes an object with `name` or `maxNodes`, or nothing')
    const isNew = !('pages' in options)
    this.#memory = isNew ? create(options) : options
    this.name = this.#memory.name
    this.#shared = new SharedTopology(this.#memory, (diff, snapshot) => this.#changed(diff, snapshot))
    if (isNew) this.#shared.begin()
    else this.#shared.open()
    this.#source = openHere(this, blockId(this.#memory.root))
  }

  /**
   * The same topology in another thread of the process, with all that is known of it.
   * @param handle `topology.handle`, through `workerData` or `postMessage`
   * @throws HandleError
   */
  static attach(handle: TopologyHandle): Topology {
    return new Topology(openHandle(handle))
  }

  /** Plain data, for `Topology.attach` in other threads. */
  get handle(): TopologyHandle {
    return toHandle(this.#memory)
  }

  /** All that is known now; it never changes. */
  get snapshot(): TopologySnapshot {
    return this.#shared.snapshot
  }

  /**
   * Changes what the update names, for all threads, at once.
   * @returns the revision that it made; snapshots of it and after it have it
   * @throws ConfigError with every fault and its path; then nothing has changed
   */
  update(update: TopologyUpdate): number {
    const change = parseUpdate(update)
    return this.#shared.change((snapshot) => {
      checkUpdate(change, snapshot, this.#memory.maxNodes)
      return isEmpty(change) ? undefined : change
    })
  }

  /**
   * Makes these all nodes and links that there are. What is as before is not touched.
   * @throws ConfigError as `update`
   */
  replace(all: Pick<TopologyUpdate, 'nodes' | 'links'>): number {
    const wanted = parseUpdate(all)
    return this.#shared.change((snapshot) => {
      const change = differenceTo(snapshot, wanted)
      checkUpdate(change, snapshot, this.#memory.maxNodes)
      return isEmpty(change) ? undefined : change
    })
  }

  /**
   * Another state for one node.
   * @returns false where there is no such node
   */
  setState(id: string, state: TopologyNode['state']): boolean {
    let isThere = false
    this.#shared.change((snapshot) => {
      const node = snapshot.node(id)
      isThere = node !== undefined
      if (node === undefined || node.state === state) return undefined
      return parseUpdate({ nodes: [{ ...node, state }] })
    })
    return isThere
  }

  /**
   * Measures round trips, loss and, where asked to, bandwidth from `region` to all regions, again and again: by connecting to
   * some of their nodes. Of the threads that call it one does; where that one ends, another one goes on. Measured round trips
   * count for paths instead of those that links say; a region that answers nobody any more is cut off (`partition`), until it answers.
   * @throws ConfigError, and ArgumentError where this thread monitors it already
   */
  monitor(options: MonitorConfig): TopologyMonitoring {
    const resolved = parseMonitorOptions(options)
    this.#shared.refuseClosed()
    if (isBusyHere(this, (other) => other.#monitor !== undefined))
      throw new ArgumentError(
        `topology "${this.name}" is monitored by this thread already; stop that one before`,
      )
    const monitor = new TopologyMonitor(resolved, {
      timers: systemTimers,
      lead: new Lead(this.#memory.root, MONITOR_LEAD, systemTimers),
      snapshot: () => this.snapshot,
      publish: (measurements) => this.#shared.change(() => ({ ...NO_CHANGE, measurements })),
      probe: probeConnection,
      fetchBandwidth: measureBandwidth,
    })
    this.#monitor = monitor
    return {
      get leads() {
        return monitor.leads
      },
      stop: () => {
        monitor.stop()
        if (this.#monitor === monitor) this.#monitor = undefined
      },
    }
  }

  /**
   * Has the nodes of these services come from sources of endpoints, as services of a balancer have them: each endpoint is a node, by
   * its id, that serves the service. `metadata.dataCenter` and `metadata.capabilities` of an endpoint are the node's. A node that no
   * source knows any more serves that service no longer, and one that serves nothing leaves. Of the threads that call it one asks.
   * @throws ConfigError, and ArgumentError where this thread follows sources already
   */
  follow(services: Readonly<Record<string, SourceConfig | readonly SourceConfig[]>>): TopologyFollowing {
    const resolved = parseFollowed(services)
    this.#shared.refuseClosed()
    if (isBusyHere(this, (other) => other.#follower !== undefined))
      throw new ArgumentError(
        `topology "${this.name}" follows sources in this thread already; stop that before`,
      )
    const follower = new TopologyFollower(resolved, {
      timers: systemTimers,
      lead: new Lead(this.#memory.root, FOLLOW_LEAD, systemTimers),
      change: (plan) =>
        this.#shared.change((snapshot) => {
          const change = plan(snapshot)
          if (change !== undefined) checkUpdate(change, snapshot, this.#memory.maxNodes)
          return change
        }),
      tell: (event) => this.#tell('source', event),
    })
    this.#follower = follower
    return {
      get leads() {
        return follower.leads
      },
      get sources() {
        return follower.stats
      },
      ready: () => follower.ready(),
      stop: () => {
        follower.stop()
        if (this.#follower === follower) this.#follower = undefined
      },
    }
  }

  /**
   * A source of endpoints: the nodes that serve `service` and are up, for `source` of a service of a balancer. With `region`
   * those of that region come first, then those of the others, by how near the links say that they are; regions that no link
   * leads to come last.
   */
  source(service: string, options: { readonly region?: string } = {}): TopologySource {
    return { name: this.#source, options: { service, region: options.region ?? '' } }
  }

  /** Ends this thread's part: no listener or channel is left. Other threads go on. */
  close(): void {
    this.#monitor?.stop()
    this.#follower?.stop()
    this.#monitor = undefined
    this.#follower = undefined
    closeHere(this)
    this.#shared.close()
    this.removeAllListeners()
  }

  /** A listener that makes a change is told of it after those before it, as all others are. */
  #changed(diff: TopologyDiff, snapshot: TopologySnapshot): void {
    this.#untold.push([diff, snapshot])
    if (this.#untold.length > 1) return
    for (let next = this.#untold[0]; next !== undefined; next = this.#untold[0]) {
      this.#tellOf(...next)
      this.#untold.shift()
    }
  }

  #tellOf({ nodes, links, measurements }: TopologyDiff, snapshot: TopologySnapshot): void {
    for (const [before, after] of this.listenerCount('node') > 0 ? nodes : []) {
      const node = after ?? before
      if (node === undefined) continue
      const type =
        before === undefined
          ? 'added'
          : after === undefined
            ? 'removed'
            : before.state === after.state
              ? 'changed'
              : after.state
      this.#tell('node', { type, node })
    }
    for (const [before, after] of links) {
      const link = after ?? before
      if (link === undefined) continue
      this.#tell('link', {
        type: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed',
        link,
      })
    }
    for (const [before, after] of measurements) {
      const isCut = after?.isCut ?? false
      const { from = '', to = '' } = after ?? before ?? {}
      if ((before?.isCut ?? false) !== isCut)
        this.#tell('partition', { type: isCut ? 'cut' : 'healed', from, to })
    }
    this.#tell('change', snapshot)
  }

  #tell<Name extends keyof TopologyEvents>(name: Name, ...[event]: TopologyEvents[Name]): void {
    unharmed(() => (this as EventEmitter).emit(name, event))
  }
}

/** Topologies that are open in this thread, by name: those of one name share one memory. */
const open = new Map<string, { readonly id: string; readonly all: Set<Topology> }>()

/** Names the source of endpoints of the topology. @throws ArgumentError where another one has its name */
function openHere(topology: Topology, id: string): SourceName {
  const { name } = topology
  const known = open.get(name)
  if (known !== undefined && known.id !== id)
    throw new ArgumentError(
      `this thread has another topology called "${name}", of other memory; give each a \`name\`, or close the other one`,
    )
  const { all } = known ?? { all: new Set<Topology>() }
  all.add(topology)
  open.set(name, { id, all })
  return registerSource(`topology-${name}`, {
    start: (wanted, sink, signal) => {
      const [one] = open.get(name)?.all ?? []
      if (one === undefined) sink.failed(new Error(`topology "${name}" was closed in this thread`))
      else followEndpoints(one, wanted, sink, signal)
    },
  })
}

function closeHere(topology: Topology): void {
  const known = open.get(topology.name)
  if (known?.all.delete(topology) && known.all.size === 0) open.delete(topology.name)
}

/** Whether one of the same memory in this thread does it already. */
function isBusyHere(topology: Topology, isBusy: (other: Topology) => boolean): boolean {
  return [...(open.get(topology.name)?.all ?? [])].some(isBusy)
}

function create({ name = 'main', maxNodes = 100_000 }: TopologyOptions): TopologyMemory {
  if (typeof name !== 'string' || !NAME.test(name))
    throw new ArgumentError(
      `the name of a topology is ${JSON.stringify(name) ?? typeof name}; it takes 1 to 64 of a-z, 0-9 and "-", a letter first`,
    )
  if (!Number.isInteger(maxNodes) || maxNodes < 1 || maxNodes > MAX_NODES)
    throw new ArgumentError(`maxNodes is ${String(maxNodes)}; it takes a whole number from 1 to ${MAX_NODES}`)
  return createMemory(name, maxNodes)
}
