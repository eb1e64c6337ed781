/** What is known of a balancer's services, as plain data. */
import type { Balancer } from '../../clients/balancer.js'
import type { Endpoint } from '../../model/index.js'
import type { SourceStats } from '../../observe/stats.js'

export interface ServiceFacts {
  readonly sources: readonly SourceStats[]
  readonly endpoints: readonly Endpoint[]
}

export type Topology = ReadonlyMap<string, ServiceFacts>

export function topologyOf(balancer: Balancer, names: readonly string[]): Topology {
  const { services } = balancer.stats()
  return new Map(
    names.map((name) => [
      name,
      { sources: services[name].sources, endpoints: balancer.service(name).endpoints },
    ]),
  )
}

/** What JSON has no number for is null: an answer that is held back for ever. */
export const toJson = (topology: Topology): { services: Record<string, ServiceFacts> } => ({
  services: Object.fromEntries(topology),
})
