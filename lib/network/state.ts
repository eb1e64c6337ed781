import type { TopologyLink, TopologyMeasurement, TopologyNode } from '../model/index.js'
import { NodeIndex, type NodesBy } from './node-index.js'
import { type OpenLink, Paths } from './paths.js'
import { ShardedMap } from './sharded-map.js'
import { type Indexes, linkKey, measurementKey, TopologySnapshot } from './snapshot.js'

/** What one update changes; checked, and possible. */
export interface TopologyChange {
  /** New ones, and others in the place of those of the same id. */
  readonly nodes: readonly TopologyNode[]
  readonly removedNodes: readonly string[]
  readonly links: readonly TopologyLink[]
  /** Two regions each. */
  readonly removedLinks: readonly (readonly [string, string])[]
  readonly measurements: readonly TopologyMeasurement[]
}

/** Before and after; undefined: it was not there, or is not there any more. */
export type Step<Thing> = readonly [Thing | undefined, Thing | undefined]

export interface TopologyDiff {
  readonly revision: number
  readonly nodes: readonly Step<TopologyNode>[]
  readonly links: readonly Step<TopologyLink>[]
  readonly measurements: readonly Step<TopologyMeasurement>[]
}

const someText = (text: string): readonly string[] => (text === '' ? [] : [text])

/** Makes one snapshot after the other. */
export class TopologyState {
  readonly #indexes: Readonly<Record<keyof Indexes, NodeIndex>> = {
    region: new NodeIndex(({ region }) => someText(region)),
    zone: new NodeIndex(({ zone }) => someText(zone)),
    dataCenter: new NodeIndex(({ dataCenter }) => someText(dataCenter)),
    capability: new NodeIndex(({ capabilities }) => capabilities),
    service: new NodeIndex(({ services }) => Object.keys(services)),
    state: new NodeIndex(({ state }) => [state]),
  }
  #nodes = ShardedMap.empty<TopologyNode>()
  #links: ReadonlyMap<string, TopologyLink> = new Map()
  #measurements: ReadonlyMap<string, TopologyMeasurement> = new Map()
  #paths = new Paths([])
  /** Nodes that a link names as its bridges. */
  #bridges: ReadonlySet<string> = new Set()
  #snapshot: TopologySnapshot

  constructor() {
    this.#snapshot = this.#take(0, this.#indexed([]))
  }

  get snapshot(): TopologySnapshot {
    return this.#snapshot
  }

  apply(change: TopologyChange, revision: number): TopologyDiff {
    const nodes = this.#changeNodes(change)
    const links = this.#changeLinks(change)
    const indexes = this.#indexed(nodes)
    const measurements = [...this.#forget(nodes, indexes), ...this.#measure(change.measurements)]
    const paths =
      links.length > 0 ||
      measurements.length > 0 ||
      nodes.some(([before, after]) => this.#bridges.has((before ?? after)?.id ?? ''))
    if (paths) this.#paths = new Paths(this.#open())
    this.#snapshot = this.#take(revision, indexes)
    return { revision, nodes, links, measurements }
  }

  #changeNodes({ nodes, removedNodes }: TopologyChange): Step<TopologyNode>[] {
    const after = new Map<string, TopologyNode | undefined>()
    for (const id of removedNodes) after.set(id, undefined)
    for (const node of nodes) after.set(node.id, node)
    const steps: Step<TopologyNode>[] = []
    for (const [id, node] of after) {
      const before = this.#nodes.get(id)
      if (before !== undefined || node !== undefined) steps.push([before, node])
    }
    this.#nodes = this.#nodes.with(after)
    return steps
  }

  #changeLinks({ links, removedLinks }: TopologyChange): Step<TopologyLink>[] {
    if (links.length === 0 && removedLinks.length === 0) return []
    const all = new Map(this.#links)
    const steps = new Map<string, Step<TopologyLink>>()
    for (const [from, to] of removedLinks) {
      const key = linkKey(from, to)
      const before = all.get(key)
      if (all.delete(key)) steps.set(key, [before, undefined])
    }
    for (const link of links) {
      const key = linkKey(link.from, link.to)
      const before = this.#links.get(key)
      // As it was: of a whole topology that was read again.
      if (JSON.stringify(before) === JSON.stringify(link)) steps.delete(key)
      else steps.set(key, [before, link])
      all.set(key, link)
    }
    this.#links = all
    this.#bridges = new Set([...all.values()].flatMap(({ bridges }) => bridges))
    return [...steps.values()]
  }

  /** What was measured to a region that nobody is in any more. */
  #forget(nodes: readonly Step<TopologyNode>[], { region }: Indexes): Step<TopologyMeasurement>[] {
    const left = new Set<string>()
    for (const [before] of nodes)
      if (before !== undefined && before.region !== '' && !region.has(before.region)) left.add(before.region)
    if (left.size === 0) return []
    const gone = [...this.#measurements].filter(([, { to }]) => left.has(to))
    if (gone.length === 0) return []
    const all = new Map(this.#measurements)
    for (const [key] of gone) all.delete(key)
    this.#measurements = all
    return gone.map(([, measurement]): Step<TopologyMeasurement> => [measurement, undefined])
  }

  #measure(measurements: readonly TopologyMeasurement[]): Step<TopologyMeasurement>[] {
    if (measurements.length === 0) return []
    const all = new Map(this.#measurements)
    const steps = measurements.map((measurement): Step<TopologyMeasurement> => {
      const key = measurementKey(measurement.from, measurement.to)
      const before = all.get(key)
      all.set(key, measurement)
      return [before, measurement]
    })
    this.#measurements = all
    return steps
  }

  /** Links that can be used: none of their ends is cut off from the other, and a bridge is up where some are named. */
  #open(): OpenLink[] {
    const open: OpenLink[] = []
    for (const link of this.#links.values()) {
      const { from, to, bridges } = link
      const measured = [
        this.#measurements.get(measurementKey(from, to)),
        this.#measurements.get(measurementKey(to, from)),
      ].filter((measurement) => measurement !== undefined)
      if (measured.some(({ isCut }) => isCut) || !this.#isCarried(bridges)) continue
      const latencies = measured.map(({ latencyMs }) => latencyMs).filter((latency) => latency !== undefined)
      open.push({ link, latencyMs: latencies.length > 0 ? Math.min(...latencies) : link.latencyMs })
    }
    return open
  }

  #isCarried(bridges: readonly string[]): boolean {
    if (bridges.length === 0) return true
    return bridges.some((id) => {
      const state = this.#nodes.get(id)?.state
      return state === 'up' || state === 'drain'
    })
  }

  #indexed(nodes: readonly Step<TopologyNode>[]): Indexes {
    const next = Object.entries(this.#indexes).map(([name, index]): [string, NodesBy] => [
      name,
      index.next(nodes),
    ])
    return Object.fromEntries(next) as unknown as Indexes
  }

  #take(revision: number, indexes: Indexes): TopologySnapshot {
    return new TopologySnapshot({
      revision,
      nodes: this.#nodes,
      indexes,
      links: this.#links,
      measurements: this.#measurements,
      paths: this.#paths,
    })
  }
}
