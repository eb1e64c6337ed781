/** An update as users write it, checked whole against the topology that it is to change. */
import type { LinkConfig, MeasurementConfig, NodeConfig, TopologyLink, TopologyNode } from '../model/index.js'
import { Faults, join } from '../options/faults.js'
import { isRecord } from '../options/kinds.js'
import { copyPlain } from '../options/plain.js'
import { unknownKey, wrong } from '../options/words.js'
import { resolveLink, resolveMeasurement, resolveNode } from './resolve.js'
import { linkKey, measurementKey, type TopologySnapshot } from './snapshot.js'
import type { TopologyChange } from './state.js'

const MAX_LINKS = 10_000

/** What changes; what is not named stays. */
export interface TopologyUpdate {
  /** New nodes, and others in the place of those of the same id. */
  readonly nodes?: readonly NodeConfig[]
  /** New links, and others in the place of those between the same regions. */
  readonly links?: readonly LinkConfig[]
  /** What was measured, in the place of what was measured between the same regions before. */
  readonly measurements?: readonly MeasurementConfig[]
  /** Ids of nodes, and links by their ends. One that is not there is no fault. */
  readonly remove?: {
    readonly nodes?: readonly string[]
    readonly links?: readonly { readonly from: string; readonly to: string }[]
  }
}

const KEYS = ['nodes', 'links', 'measurements', 'remove']
const REMOVE_KEYS = ['nodes', 'links']

export const NO_CHANGE: TopologyChange = Object.freeze({
  nodes: [],
  removedNodes: [],
  links: [],
  removedLinks: [],
  measurements: [],
})

/**
 * What does not depend on the topology as it is.
 * @throws ConfigError with every fault and its path
 */
export function parseUpdate(input: unknown): TopologyChange {
  const faults = new Faults()
  const value = copyPlain(input, '', faults)
  if (!isRecord(value)) {
    faults.add('', wrong('an object with `nodes`, `links` or `remove`', value))
    faults.throwIfAny()
    return NO_CHANGE
  }
  refuseUnknown(value, KEYS, '', faults)
  const remove = value.remove === undefined ? {} : value.remove
  if (!isRecord(remove)) faults.add('remove', wrong('an object with `nodes` or `links`', remove))
  else refuseUnknown(remove, REMOVE_KEYS, 'remove', faults)
  const removed = isRecord(remove) ? remove : {}
  const change: TopologyChange = {
    nodes: listOf(value.nodes, 'nodes', faults, resolveNode),
    removedNodes: listOf(removed.nodes, 'remove.nodes', faults, asId),
    links: listOf(value.links, 'links', faults, resolveLink),
    removedLinks: listOf(removed.links, 'remove.links', faults, asEnds),
    measurements: listOf(value.measurements, 'measurements', faults, resolveMeasurement),
  }
  refuseTwins(change.nodes, 'nodes', ({ id }) => id, faults)
  refuseTwins(change.links, 'links', ({ from, to }) => linkKey(from, to), faults)
  refuseTwins(change.measurements, 'measurements', ({ from, to }) => measurementKey(from, to), faults)
  faults.throwIfAny()
  return change
}

/**
 * What depends on it: how many there would be, and whether somebody is where links lead.
 * @throws ConfigError
 */
export function checkUpdate(change: TopologyChange, snapshot: TopologySnapshot, maxNodes: number): void {
  const faults = new Faults()
  const { nodes, removedNodes, links, removedLinks, measurements } = change
  const isNew = nodes.filter(({ id }) => snapshot.node(id) === undefined).length
  const named = new Set(nodes.map(({ id }) => id))
  const isGone = new Set(removedNodes.filter((id) => !named.has(id) && snapshot.node(id) !== undefined)).size
  const size = snapshot.size + isNew - isGone
  if (size > maxNodes && isNew > 0) faults.add('nodes', `would be ${size}; maxNodes is ${maxNodes}`)
  if (links.length > 0) {
    const regions = regionsAfter(snapshot, nodes, removedNodes)
    links.forEach(({ from, to }, i) => {
      for (const [key, region] of [
        ['from', from],
        ['to', to],
      ])
        if (!regions.has(region))
          faults.add(join(join('links', i), key), `is ${JSON.stringify(region)}, a region that no node is in`)
    })
    const keys = new Set([...snapshot.links()].map(({ from, to }) => linkKey(from, to)))
    for (const [from, to] of removedLinks) keys.delete(linkKey(from, to))
    for (const { from, to } of links) keys.add(linkKey(from, to))
    if (keys.size > MAX_LINKS) faults.add('links', `would be ${keys.size}; ${MAX_LINKS} are allowed`)
  }
  if (measurements.length > 0) {
    const keys = new Set([...snapshot.measurements()].map(({ from, to }) => measurementKey(from, to)))
    for (const { from, to } of measurements) keys.add(measurementKey(from, to))
    if (keys.size > MAX_LINKS) faults.add('measurements', `would be ${keys.size}; ${MAX_LINKS} are allowed`)
  }
  faults.throwIfAny()
}

/** Regions that some node is in once the change is made. */
function regionsAfter(
  snapshot: TopologySnapshot,
  nodes: readonly TopologyNode[],
  removedNodes: readonly string[],
): Set<string> {
  const regions = new Set(nodes.map(({ region }) => region))
  if (nodes.length === 0 && removedNodes.length === 0) return new Set(snapshot.regions())
  const moved = new Set([...removedNodes, ...nodes.map(({ id }) => id)])
  for (const region of snapshot.regions())
    if (!regions.has(region) && snapshot.inRegion(region).some(({ id }) => !moved.has(id)))
      regions.add(region)
  return regions
}

/** What makes one topology of the other: all that differs, and nothing else. */
export function differenceTo(
  snapshot: TopologySnapshot,
  { nodes, links }: Pick<TopologyChange, 'nodes' | 'links'>,
): TopologyChange {
  const ids = new Set(nodes.map(({ id }) => id))
  const keys = new Set(links.map(({ from, to }) => linkKey(from, to)))
  const isSame = (one: TopologyNode | TopologyLink, other: unknown) =>
    JSON.stringify(one) === JSON.stringify(other)
  return {
    nodes: nodes.filter((node) => !isSame(node, snapshot.node(node.id))),
    removedNodes: [...snapshot.nodes()].map(({ id }) => id).filter((id) => !ids.has(id)),
    links: links.filter((link) => !isSame(link, snapshot.link(link.from, link.to))),
    removedLinks: [...snapshot.links()]
      .filter(({ from, to }) => !keys.has(linkKey(from, to)))
      .map(({ from, to }) => [from, to] as const),
    measurements: [],
  }
}

export const isEmpty = ({
  nodes,
  removedNodes,
  links,
  removedLinks,
  measurements,
}: TopologyChange): boolean =>
  nodes.length + removedNodes.length + links.length + removedLinks.length + measurements.length === 0

function refuseUnknown(
  value: Record<string, unknown>,
  known: readonly string[],
  path: string,
  faults: Faults,
): void {
  for (const key of Object.keys(value))
    if (!known.includes(key)) faults.add(join(path, key), unknownKey(key, known))
}

function listOf<Thing>(
  value: unknown,
  path: string,
  faults: Faults,
  resolve: (one: unknown, path: string, faults: Faults) => Thing | undefined,
): Thing[] {
  if (value === undefined) return []
  if (!Array.isArray(value)) {
    faults.add(path, wrong('an array', value))
    return []
  }
  return value.map((one, i) => resolve(one, join(path, i), faults)).filter((one) => one !== undefined)
}

function asId(value: unknown, path: string, faults: Faults): string | undefined {
  if (typeof value === 'string') return value
  faults.add(path, wrong('the id of a node', value))
  return undefined
}

function asEnds(value: unknown, path: string, faults: Faults): readonly [string, string] | undefined {
  if (isRecord(value) && typeof value.from === 'string' && typeof value.to === 'string')
    return [value.from, value.to]
  faults.add(path, wrong('an object with `from` and `to`', value))
  return undefined
}

function refuseTwins<Thing>(
  list: readonly Thing[],
  path: string,
  keyOf: (one: Thing) => string,
  faults: Faults,
): void {
  const seen = new Map<string, number>()
  list.forEach((one, i) => {
    const key = keyOf(one)
    const twin = seen.get(key)
    if (twin === undefined) seen.set(key, i)
    else faults.add(join(path, i), `is the same as ${join(path, twin)}: ${key}; name each once`)
  })
}
