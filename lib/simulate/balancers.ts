/** From a simulation's configuration to the balancers': one service, whose endpoints are called e0, e1, ... */
import type { BalancerConfig, EndpointConfig } from '../model/index.js'
import { SERVICE } from './client.js'
import type { SimulatedEndpointConfig, SimulatedPolicy, SimulationConfig } from './config.js'

export const singlesOf = (endpoints: readonly SimulatedEndpointConfig[]): SimulatedEndpointConfig[] =>
  endpoints.flatMap((one) => Array.from({ length: one.count ?? 1 }, () => one))

export const endpointId = (i: number): string => `e${i}`

/** A balancer's configuration; without a policy it has the default one. */
export function balancerConfig(
  { service, endpoints }: SimulationConfig,
  policy: SimulatedPolicy | undefined,
  seed: number,
): BalancerConfig {
  const plain = typeof policy === 'object' && policy !== null ? withoutLabel(policy) : policy
  const all = singlesOf(endpoints).map(endpointConfig)
  return {
    seed,
    services: {
      [SERVICE]: { ...service, ...(plain === undefined ? {} : { policy: plain }), endpoints: all },
    },
  }
}

function withoutLabel(policy: Exclude<SimulatedPolicy, string>): Exclude<SimulatedPolicy, string> {
  const { label: _, ...rest } = policy as { label?: string } & typeof policy
  return rest as Exclude<SimulatedPolicy, string>
}

/** What the results call a policy: its label, or its name and options. */
export function labelOf(policy: SimulatedPolicy): string {
  if (typeof policy === 'string') return policy
  const { name, label, ...rest } = policy as { name: string; label?: string }
  if (label !== undefined) return label
  const options = Object.entries(rest).map(([key, value]) => `${key} ${String(value)}`)
  return options.length === 0 ? name : `${name} (${options.join(', ')})`
}

/** Whether a policy wants to know what endpoints say of themselves; counting it takes time. */
export function asksForReports(policy: SimulatedPolicy): boolean {
  return typeof policy === 'object' && (policy.probePath !== undefined || policy.weights === 'orca')
}

function endpointConfig(
  { weight, zone, region, priority }: SimulatedEndpointConfig,
  i: number,
): EndpointConfig {
  const set = Object.entries({ weight, zone, region, priority }).filter(([, value]) => value !== undefined)
  return { id: endpointId(i), url: `http://${endpointId(i)}.simulated:80`, ...Object.fromEntries(set) }
}
