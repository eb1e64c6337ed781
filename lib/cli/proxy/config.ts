/** The proxy's file: the balancer's configuration, and beside it where to listen and which request goes to which service. */

import { parseBalancerConfig } from '../../configuration/parse.js'
import { ConfigError } from '../../errors.js'
import type { BalancerConfig } from '../../model/index.js'
import { MAX_MS } from '../../options/common.js'
import { Faults, join } from '../../options/faults.js'
import { anything, flag, group, isRecord, list, number, text } from '../../options/kinds.js'
import { copyPlain } from '../../options/plain.js'
import { withDefaults } from '../../options/resolve.js'
import type { ConfigOf } from '../../options/types.js'
import { validate } from '../../options/validate.js'
import { readConfigFile } from '../config-file.js'
import { parseRange } from './forwarded.js'
import { canonicalHost } from './host.js'
import type { Listen } from './listen.js'

export interface Route {
  /** Host name without a port, lower case, or `*.` and one for all hosts below it; undefined: any. */
  readonly host?: string
  /** Prefix of whole path segments: `/users` is for `/users` and `/users/1`, not for `/usersettings`. */
  readonly path: string
  readonly service: string
}

export interface ProxyConfig {
  readonly listen: Listen
  /** Empty: every request goes to the only service. */
  readonly routes: readonly Route[]
  readonly balancer: BalancerConfig
}

const HOST = /^(?:\*\.)?[^\s/:*]+$|^\[[0-9A-Fa-f:.]+\]$/
const RANGE = 'an address or a range like `10.0.0.0/8`'
const PATH = /^\/[^\s?#]*$/

/** @throws ConfigFileError */
export const readProxyConfig = (file: string): ProxyConfig => readConfigFile(file, parseProxyConfig)

/** @throws ConfigError with every fault of the proxy's own part and of the balancer's */
export function parseProxyConfig(input: unknown): ProxyConfig {
  const faults = new Faults()
  const value = copyPlain(input, '', faults)
  validate(PROXY, value, '', faults)
  const routes: Route[] = []
  if (isRecord(value)) {
    addBalancerFaults(value, faults)
    if (Array.isArray(value['routes'])) routes.push(...value['routes'].map(routeOf))
    if (isRecord(value['services'])) addRouteFaults(routes, Object.keys(value['services']), faults)
  }
  faults.throwIfAny()
  const {
    listen,
    routes: _,
    ...balancer
  } = value as { listen?: ConfigOf<typeof LISTEN.shape>; routes?: unknown } & BalancerConfig
  return { listen: withDefaults(LISTEN.shape, listen ?? {}), routes, balancer }
}

/** With its defaults; a route that the schema refuses may lack anything. */
function routeOf(value: unknown): Route {
  const { host, path = '/', service } = (isRecord(value) ? value : {}) as Partial<Route>
  return {
    ...(typeof host === 'string' ? { host: patternOf(host) } : {}),
    path,
    service: service as string,
  }
}

/** As the hosts of requests are compared. */
const patternOf = (host: string): string =>
  host.startsWith('*.') ? `*.${canonicalHost(host.slice(2))}` : canonicalHost(host)

function addBalancerFaults({ services, rules, seed }: Record<string, unknown>, faults: Faults): void {
  try {
    parseBalancerConfig({ services, rules, seed })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    for (const { path, message } of error.faults) faults.add(path, message)
  }
}

function addRouteFaults(routes: readonly Route[], services: readonly string[], faults: Faults): void {
  if (routes.length === 0 && services.length > 1) {
    faults.add(
      'routes',
      `is missing; with ${services.length} services it has to say which request goes where`,
    )
  }
  if (services.length === 0) faults.add('services', 'is empty; a proxy needs a service to send requests to')
  const seen = new Map<string, number>()
  routes.forEach(({ host, path, service }, i) => {
    if (typeof service === 'string' && services.length > 0 && !services.includes(service)) {
      faults.add(
        join(join('routes', i), 'service'),
        `"${service}" is not a service; there ${listed(services)}`,
      )
    }
    const key = `${host ?? ''} ${path}`
    const before = seen.get(key)
    if (before !== undefined) faults.add(join('routes', i), `has the host and path of routes[${before}]`)
    seen.set(key, before ?? i)
  })
}

const listed = (names: readonly string[]): string =>
  names.length === 1 ? `is only ${names[0]}` : `are ${names.join(', ')}`

const timeout = <const Default extends number>(about: string, byDefault: Default) =>
  number({
    integer: true,
    min: 0,
    max: MAX_MS,
    unit: 'ms',
    default: byDefault,
    about: `${about}; 0 is no limit.`,
  })

const LISTEN = group({
  host: text({
    right: 'a host name or address',
    pattern: /^\S+$/,
    default: '127.0.0.1',
    about: 'Address to listen on.',
  }),
  port: number({
    integer: true,
    min: 0,
    max: 65_535,
    default: 8080,
    about: 'Port to listen on; 0 is any free one.',
  }),
  trustForwarded: flag({
    default: false,
    about: 'Believe the `x-forwarded-*` headers that requests bring.',
  }),
  trustedProxies: list(text({ right: RANGE, accept: (range) => parseRange(range) !== undefined }), {
    right: 'an array of addresses and ranges',
    about: 'Proxies whose `x-forwarded-*` headers are believed.',
  }),
  headersTimeoutMs: timeout("Time for a request's header fields", 30_000),
  bodyTimeoutMs: timeout("Time without a byte of a request's body", 60_000),
  idleTimeoutMs: timeout('Time between two requests of a connection', 75_000),
  sendTimeoutMs: timeout('Time in which a client does not take a byte', 60_000),
  drainMs: number({
    min: 0,
    max: MAX_MS,
    unit: 'ms',
    default: 5000,
    about: 'Time for requests in flight when it stops.',
  }),
})

/** What each field may hold; how routes and services go together is for `parseProxyConfig`. */
const PROXY = group(
  {
    listen: LISTEN,
    routes: list(
      group({
        host: text({
          right: 'a host name without a port, or `*.` and one',
          pattern: HOST,
          about: 'Requests to this host only.',
        }),
        path: text({
          right: 'a path that begins with `/`',
          pattern: PATH,
          about: 'Requests to this path and below.',
        }),
        service: text({
          right: 'the name of a service',
          required: true,
          message: (value) => `must be the name of a service${value === undefined ? '; it is missing' : ''}`,
        }),
      }),
      { right: 'an array of routes', message: () => 'must be an array of routes' },
    ),
    // Checked by the balancer's own options.
    services: anything(),
    rules: anything(),
    seed: anything(),
  },
  { right: 'an object with `services`' },
)

/** What is balanced, in a few words. */
export function describeServices({ balancer }: ProxyConfig): string {
  const services = Object.entries(balancer.services)
  return services.map(([name, { endpoints, source }]) => `${name}: ${counted(endpoints, source)}`).join(', ')
}

function counted(endpoints: readonly unknown[] = [], source: unknown = undefined): string {
  const text = `${endpoints.length} endpoint${endpoints.length === 1 ? '' : 's'}`
  if (source === undefined) return text
  return endpoints.length === 0 ? 'from its source' : `${text}, and from its source`
}
