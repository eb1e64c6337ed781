import type { TopologyLink, TopologyMeasurement, TopologyNode, TopologyPath } from '../model/index.js'
import type { NodesBy } from './node-index.js'
import type { Paths } from './paths.js'
import type { ShardedMap } from './sharded-map.js'

const NOBODY: readonly TopologyNode[] = Object.freeze([])

/** What nodes are looked up by. */
export interface Indexes {
  readonly region: NodesBy
  readonly zone: NodesBy
  readonly dataCenter: NodesBy
  readonly capability: NodesBy
  readonly service: NodesBy
  readonly state: NodesBy
}

export interface SnapshotParts {
  readonly revision: number
  readonly nodes: ShardedMap<TopologyNode>
  readonly indexes: Indexes
  /** By `linkKey`. */
  readonly links: ReadonlyMap<string, TopologyLink>
  /** By `measurementKey`. */
  readonly measurements: ReadonlyMap<string, TopologyMeasurement>
  readonly paths: Paths
}

/** A link leads both ways: its ends in one order. */
export const linkKey = (from: string, to: string): string =>
  JSON.stringify(from < to ? [from, to] : [to, from])

export const measurementKey = (from: string, to: string): string => JSON.stringify([from, to])

/**
 * All nodes and links at one moment. Nothing of it ever changes: what is read of one snapshot belongs together, however many
 * updates run meanwhile. Look-ups take an index, never a scan; lists of nodes are in no particular order.
 */
export class TopologySnapshot {
  readonly #parts: SnapshotParts

  constructor(parts: SnapshotParts) {
    this.#parts = parts
  }

  /** Grows by one with each update, over all threads; 32 bits, then again from 0. */
  get revision(): number {
    return this.#parts.revision
  }

  /** Number of nodes. */
  get size(): number {
    return this.#parts.nodes.size
  }

  node(id: string): TopologyNode | undefined {
    return this.#parts.nodes.get(id)
  }

  nodes(): IterableIterator<TopologyNode> {
    return this.#parts.nodes.values()
  }

  inRegion(region: string): readonly TopologyNode[] {
    return this.#parts.indexes.region.get(region)?.all ?? NOBODY
  }

  inZone(zone: string): readonly TopologyNode[] {
    return this.#parts.indexes.zone.get(zone)?.all ?? NOBODY
  }

  inDataCenter(dataCenter: string): readonly TopologyNode[] {
    return this.#parts.indexes.dataCenter.get(dataCenter)?.all ?? NOBODY
  }

  withCapability(capability: string): readonly TopologyNode[] {
    return this.#parts.indexes.capability.get(capability)?.all ?? NOBODY
  }

  /** Those that serve it, whatever state they are in. */
  ofService(service: string): readonly TopologyNode[] {
    return this.#parts.indexes.service.get(service)?.all ?? NOBODY
  }

  inState(state: TopologyNode['state']): readonly TopologyNode[] {
    return this.#parts.indexes.state.get(state)?.all ?? NOBODY
  }

  /** Those that nodes are in. */
  regions(): string[] {
    return [...this.#parts.indexes.region.keys()]
  }

  services(): string[] {
    return [...this.#parts.indexes.service.keys()]
  }

  links(): IterableIterator<TopologyLink> {
    return this.#parts.links.values()
  }

  /** The link between two regions, whichever of them it is said to come from. */
  link(from: string, to: string): TopologyLink | undefined {
    return this.#parts.links.get(linkKey(from, to))
  }

  /** What was measured from one region to another. */
  measured(from: string, to: string): TopologyMeasurement | undefined {
    return this.#parts.measurements.get(measurementKey(from, to))
  }

  measurements(): IterableIterator<TopologyMeasurement> {
    return this.#parts.measurements.values()
  }

  /**
   * The best way between two regions over links that are open: the one with the least sum of round trips, each divided by its
   * link's reliability. undefined where there is none.
   * @throws MissingPackageError where `graphology` or `graphology-shortest-path` is not installed
   */
  path(from: string, to: string): TopologyPath | undefined {
    return this.#parts.paths.best(from, to)
  }

  /** How near regions are: 0 for `from` itself, 1 for the nearest, and so on. Those that no link leads to are missing. */
  ranks(from: string): ReadonlyMap<string, number> {
    return new Map(this.#parts.paths.ranks(from))
  }
}
