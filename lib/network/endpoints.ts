/** Endpoints of a service from the nodes of a topology. */
import type { EndpointConfig, SourceName, SourceSink, TopologyNode } from '../model/index.js'
import type { TopologySnapshot } from './snapshot.js'

/** For `source` of a service of a balancer. */
export interface TopologySource {
  readonly name: SourceName
  readonly options: { readonly service: string; readonly region: string }
}

/** What it takes of a `Topology`. */
interface Followed {
  readonly snapshot: TopologySnapshot
  on(name: 'change', listener: () => void): unknown
  off(name: 'change', listener: () => void): unknown
}

const MAX_PRIORITY = 127
/** Nodes for each ms that has to pass before they are looked at again: 50 ms for ten thousand. */
const NODES_PER_MS = 200

/** Tells of the endpoints now, and after each change of the nodes that serve the service, or of what is near. */
export function followEndpoints(
  topology: Followed,
  options: Readonly<Record<string, unknown>>,
  sink: SourceSink,
  signal: AbortSignal,
): void {
  const service = String(options.service ?? '')
  const region = String(options.region ?? '')
  /** What each node was made into: one that is as before is not made anew. */
  let made = new WeakMap<TopologyNode, EndpointConfig>()
  let nodes: readonly TopologyNode[] | undefined
  let ranks: ReadonlyMap<string, number> | undefined
  let freeAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined
  /** At once, or a moment later where changes come quickly and there are many nodes. */
  const look = () => {
    if (timer !== undefined || signal.aborted) return
    const waitMs = freeAt - performance.now()
    if (waitMs > 0) {
      timer = setTimeout(() => {
        timer = undefined
        look()
      }, waitMs).unref()
      return
    }
    try {
      tell(topology.snapshot)
    } catch (error) {
      // The package that finds paths may be missing.
      sink.failed(error)
    }
    freeAt = performance.now() + (nodes?.length ?? 0) / NODES_PER_MS
  }
  const tell = (snapshot: TopologySnapshot) => {
    const serving = snapshot.ofService(service)
    const now = region === '' ? undefined : snapshot.ranks(region)
    const near = isSame(now, ranks) ? ranks : now
    if (serving === nodes && near === ranks) return
    if (near !== ranks) made = new WeakMap()
    nodes = serving
    ranks = near
    sink.found(serving.filter(({ state }) => state === 'up').map((node) => endpointOf(node)))
  }
  const endpointOf = (node: TopologyNode): EndpointConfig => {
    const before = made.get(node)
    if (before !== undefined) return before
    const endpoint: EndpointConfig = {
      id: node.id,
      url: node.services[service],
      weight: node.weight,
      zone: node.zone,
      region: node.region,
      priority: priorityOf(node.region, ranks),
      metadata: node.metadata,
    }
    made.set(node, endpoint)
    return endpoint
  }
  topology.on('change', look)
  signal.addEventListener(
    'abort',
    () => {
      clearTimeout(timer)
      topology.off('change', look)
    },
    { once: true },
  )
  look()
}

function isSame(
  a: ReadonlyMap<string, number> | undefined,
  b: ReadonlyMap<string, number> | undefined,
): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.size === b.size && [...a].every(([region, rank]) => b.get(region) === rank)
}

/** The nearer the region, the higher the priority; regions that nothing is known of come last. */
function priorityOf(region: string, ranks: ReadonlyMap<string, number> | undefined): number {
  if (ranks === undefined) return 0
  return Math.min(MAX_PRIORITY, ranks.get(region) ?? Math.max(...ranks.values()) + 1)
}
