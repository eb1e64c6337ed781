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
  on(name: 'change', listener: (snapshot: TopologySnapshot) => void): unknown
  off(name: 'change', listener: (snapshot: TopologySnapshot) => void): unknown
}

const MAX_PRIORITY = 127

/** Tells of the endpoints now, and after each change of the nodes that serve the service, or of what is near. */
export function followEndpoints(
  topology: Followed,
  options: Readonly<Record<string, unknown>>,
  sink: SourceSink,
  signal: AbortSignal,
): void {
  const service = String(options.service ?? '')
  const region = String(options.region ?? '')
  const known = new Map<string, EndpointConfig>()
  let nodes: readonly TopologyNode[] | undefined
  let ranks: ReadonlyMap<string, number> | undefined
  const look = (snapshot: TopologySnapshot) => {
    try {
      tell(snapshot)
    } catch (error) {
      // The package that finds paths may be missing.
      sink.failed(error)
    }
  }
  const tell = (snapshot: TopologySnapshot) => {
    const serving = snapshot.ofService(service)
    const near = region === '' ? undefined : snapshot.ranks(region)
    if (serving === nodes && near === ranks) return
    if (near !== ranks) known.clear()
    nodes = serving
    ranks = near
    sink.found(serving.filter(({ state }) => state === 'up').map((node) => endpointOf(node)))
  }
  const endpointOf = (node: TopologyNode): EndpointConfig => {
    const before = known.get(node.id)
    if (before !== undefined && made.get(before) === node) return before
    const endpoint: EndpointConfig = {
      id: node.id,
      url: node.services[service],
      weight: node.weight,
      zone: node.zone,
      region: node.region,
      priority: priorityOf(node.region, ranks),
      metadata: node.metadata,
    }
    known.set(node.id, endpoint)
    made.set(endpoint, node)
    return endpoint
  }
  /** From which node an endpoint was made: one that is as before is not made anew. */
  const made = new WeakMap<EndpointConfig, TopologyNode>()
  topology.on('change', look)
  signal.addEventListener('abort', () => topology.off('change', look), { once: true })
  look(topology.snapshot)
}

/** The nearer the region, the higher the priority; regions that nothing is known of come last. */
function priorityOf(region: string, ranks: ReadonlyMap<string, number> | undefined): number {
  if (ranks === undefined) return 0
  return Math.min(MAX_PRIORITY, ranks.get(region) ?? Math.max(...ranks.values()) + 1)
}
