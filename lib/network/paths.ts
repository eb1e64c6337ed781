import type { TopologyLink, TopologyPath } from '../model/index.js'
import { loadGraphs } from './load-graphs.js'

/** A link that can be used, with what it takes now. */
export interface OpenLink {
  readonly link: TopologyLink
  /** Round trip, ms: the measured one where there is one. */
  readonly latencyMs: number
}

/** Ways from one region to all others. */
interface Ways {
  readonly byRegion: ReadonlyMap<string, TopologyPath>
  /** Which region is the nearest, the next one, and so on: 0 for the region itself. Those as near as each other have one rank. */
  readonly ranks: ReadonlyMap<string, number>
}

const pairOf = (a: string, b: string): string => JSON.stringify([a, b])

/**
 * The best ways between regions over links that are open. The cost of a link is its round trip, divided by its reliability: what is
 * lost is sent once more. Ways are looked for when they are asked for, all from one region at once (Dijkstra), and kept.
 */
export class Paths {
  readonly #links: readonly OpenLink[]
  #byPair: ReadonlyMap<string, OpenLink> | undefined
  #graph: ReturnType<ReturnType<typeof loadGraphs>['undirected']> | undefined
  readonly #from = new Map<string, Ways>()

  constructor(links: readonly OpenLink[]) {
    this.#links = links
  }

  best(from: string, to: string): TopologyPath | undefined {
    return this.#waysFrom(from).byRegion.get(to)
  }

  ranks(from: string): ReadonlyMap<string, number> {
    return this.#waysFrom(from).ranks
  }

  #waysFrom(from: string): Ways {
    let ways = this.#from.get(from)
    if (ways === undefined) {
      ways = this.#look(from)
      // Others have none but the way to themselves: whoever asks for a million of them fills no memory.
      if (ways.byRegion.size > 1) this.#from.set(from, ways)
    }
    return ways
  }

  #look(from: string): Ways {
    const here: TopologyPath = Object.freeze({
      regions: Object.freeze([from]),
      links: Object.freeze([]),
      latencyMs: 0,
      bandwidthMbps: undefined,
      reliability: 1,
    })
    const byRegion = new Map([[from, here]])
    const costs = new Map([[from, 0]])
    // Without a link there is nothing to look for, and the library need not be there.
    const graph = this.#links.length > 0 ? this.#built : undefined
    if (graph?.hasNode(vertexOf(from))) {
      const trails = loadGraphs().singleSource(graph, vertexOf(from), 'cost')
      for (const trail of Object.values(trails)) {
        const regions = trail.map(regionOf)
        const to = regions[regions.length - 1]
        if (to === from) continue
        const open = regions.slice(1).map((region, i) => this.#open(regions[i], region))
        byRegion.set(to, pathOver(regions, open))
        costs.set(
          to,
          open.reduce((sum, one) => sum + costOf(one), 0),
        )
      }
    }
    return { byRegion, ranks: ranked(costs) }
  }

  get #built() {
    if (this.#graph !== undefined) return this.#graph
    const graph = loadGraphs().undirected()
    const byPair = new Map<string, OpenLink>()
    for (const open of this.#links) {
      const { from, to } = open.link
      graph.mergeEdge(vertexOf(from), vertexOf(to), { cost: costOf(open) })
      byPair.set(pairOf(from, to), open)
      byPair.set(pairOf(to, from), open)
    }
    this.#byPair = byPair
    this.#graph = graph
    return graph
  }

  #open(from: string, to: string): OpenLink {
    return this.#byPair?.get(pairOf(from, to)) as OpenLink
  }
}

/** The library keeps its nodes in plain objects, which have a `constructor` already. */
const vertexOf = (region: string): string => `r:${region}`
const regionOf = (vertex: string): string => vertex.slice(2)

const costOf = ({ link, latencyMs }: OpenLink): number =>
  Math.min(Number.MAX_VALUE / 1e6, latencyMs / link.reliability)

function pathOver(regions: readonly string[], open: readonly OpenLink[]): TopologyPath {
  const widths = open.map(({ link }) => link.bandwidthMbps).filter((width) => width !== undefined)
  return Object.freeze({
    regions: Object.freeze(regions),
    links: Object.freeze(open.map(({ link }) => link)),
    latencyMs: open.reduce((sum, { latencyMs }) => sum + latencyMs, 0),
    bandwidthMbps: widths.length > 0 ? Math.min(...widths) : undefined,
    reliability: open.reduce((product, { link }) => product * link.reliability, 1),
  })
}

function ranked(costs: ReadonlyMap<string, number>): Map<string, number> {
  const ranks = new Map<string, number>()
  let rank = -1
  let last = Number.NaN
  for (const [region, cost] of [...costs].sort(([, a], [, b]) => a - b)) {
    if (cost !== last) rank++
    last = cost
    ranks.set(region, rank)
  }
  return ranks
}
