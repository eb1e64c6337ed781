/** The graph library, an optional dependency, loaded when a way is looked for. Synchronous, as look-ups are. */
import { createRequire } from 'node:module'
import { MissingPackageError } from '../errors.js'

const require = createRequire(import.meta.url)

/** What is used of a graph. */
export interface Graph {
  hasNode(node: string): boolean
  mergeEdge(from: string, to: string, attributes: { readonly cost: number }): unknown
}

export interface Graphs {
  undirected(): Graph
  /** Dijkstra's: from one node to each that can be reached, the nodes on the way. */
  singleSource(graph: Graph, from: string, weight: string): Record<string, string[]>
}

let graphs: Graphs | undefined

/** @throws MissingPackageError */
export function loadGraphs(): Graphs {
  graphs ??= load()
  return graphs
}

/** The part of the library that is used. */
interface Graphology {
  readonly UndirectedGraph: new () => Graph
}
interface ShortestPath {
  readonly dijkstra: { singleSource(graph: Graph, from: string, weight: string): Record<string, string[]> }
}

function load(): Graphs {
  const { UndirectedGraph } = need<Graphology>('graphology', '0.26')
  const { dijkstra } = need<ShortestPath>('graphology-shortest-path', '2')
  return {
    undirected: () => new UndirectedGraph(),
    singleSource: (graph, from, weight) => dijkstra.singleSource(graph, from, weight),
  }
}

function need<Package>(name: string, version: string): Package {
  try {
    return require(name) as Package
  } catch (cause) {
    throw new MissingPackageError(name, 'A path between regions', version, { cause })
  }
}
