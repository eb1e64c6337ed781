/** What `console.log` and `util.inspect` show: the essentials in a few lines, of thousands of endpoints as of three. */
import type { InspectOptions } from 'node:util'
import type { EndpointState } from '../model/index.js'

/** The name under which Node asks an object how it is to be shown. */
export const INSPECT: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/** How to show it, as Node tells: levels left, options, and `util.inspect` itself. */
export type HowToInspect = [
  depth: number,
  options: InspectOptions,
  inspect: (value: unknown, options: InspectOptions) => string,
]

const LISTED = 10

export interface EndpointFacts {
  readonly id: string
  readonly state: EndpointState
  readonly inFlight: number
}

export interface ServiceFacts {
  readonly name: string
  readonly policy: string
  readonly endpoints: readonly EndpointFacts[]
}

/** As `Service users { policy: 'peak-ewma', endpoints: { 'http://10.0.0.1:8080': 'ready, 2 in flight' } }`. */
export function describeService(service: ServiceFacts, [depth, options, inspect]: HowToInspect): string {
  const { name, policy, endpoints } = service
  if (depth < 0) return `[Service ${name}]`
  const listed = endpoints
    .slice(0, LISTED)
    .map(({ id, state, inFlight }) => [id, `${state}, ${inFlight} in flight`] as const)
  return `Service ${name} ${inspect({ policy, endpoints: andMore(listed, endpoints.length) }, options)}`
}

/** As `Lease { service: 'users', endpoint: 'http://10.0.0.1:8080', ended: false }`. */
export function describeLease(
  lease: { readonly service: string; readonly endpoint: string; readonly ended: boolean },
  [, options, inspect]: HowToInspect,
): string {
  return `Lease ${inspect(lease, options)}`
}

/** As `Balancer { engine: 'native', stopped: false, services: { users: '3 endpoints, 3 ready, 0 in flight' } }`. */
export function describeBalancer(
  balancer: {
    readonly engine: string
    readonly stopped: boolean
    readonly names: readonly string[]
    service(name: string): ServiceFacts
  },
  [depth, options, inspect]: HowToInspect,
): string {
  if (depth < 0) return '[Balancer]'
  const { engine, stopped, names } = balancer
  const listed = names.slice(0, LISTED).map((name) => {
    const { endpoints } = balancer.service(name)
    const ready = endpoints.filter(({ state }) => state === 'ready').length
    const inFlight = endpoints.reduce((sum, endpoint) => sum + endpoint.inFlight, 0)
    return [name, `${endpoints.length} endpoints, ${ready} ready, ${inFlight} in flight`] as const
  })
  return `Balancer ${inspect({ engine, stopped, services: andMore(listed, names.length) }, options)}`
}

function andMore(listed: readonly (readonly [string, string])[], all: number): Record<string, string> {
  const more = all - listed.length
  return Object.fromEntries(more > 0 ? [...listed, ['...', `${more} more`]] : listed)
}
