import type { Topology } from './facts.js'

/** A graph for Graphviz: services, their endpoints, in boxes by region and zone. */
export function dot(topology: Topology): string {
  const lines = ['digraph topology {', '  rankdir=LR;', '  node [shape=box];']
  const places = new Map<string, string[]>()
  for (const [name, { endpoints }] of topology) {
    lines.push(`  ${quoted(name)} [shape=ellipse];`)
    for (const { id, url, region, zone, weight } of endpoints) {
      const node = quoted(`${name} ${id}`)
      const label = id === url ? url : `${id}\n${url}`
      const place = [region, zone].filter((part) => part !== '').join(' / ')
      const inPlace = places.get(place) ?? []
      places.set(place, inPlace)
      inPlace.push(`${node} [label=${quoted(label)}];`)
      lines.push(
        `  ${quoted(name)} -> ${node}${weight === 1 ? '' : ` [label=${quoted(`weight ${weight}`)}]`};`,
      )
    }
  }
  let number = 0
  for (const [place, nodes] of places) {
    if (place === '') lines.push(...nodes.map((node) => `  ${node}`))
    else {
      lines.push(`  subgraph cluster_${number++} {`, `    label=${quoted(place)};`)
      lines.push(...nodes.map((node) => `    ${node}`), '  }')
    }
  }
  return `${[...lines, '}'].join('\n')}\n`
}

/** Graphviz knows `\"` and `\n`; a backslash is one. */
const quoted = (text: string): string =>
  `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
