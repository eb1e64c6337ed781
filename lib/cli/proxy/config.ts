/** The proxy's file: the balancer's configuration, and beside it where to listen and which request goes to which service. */

import { parseBalancerConfig } from '../../configuration/parse.js'
import { ConfigError } from '../../errors.js'
import type { BalancerConfig } from '../../model/index.js'
import { check } from '../../options/check.js'
import { Faults, join } from '../../options/faults.js'
import { fieldKinds, isRecord, MAX_MS } from '../../options/fields.js'
import { copyPlain } from '../../options/plain.js'
import { wrong } from '../../options/words.js'
import { loadZod } from '../../runtime/lazy.js'
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

export const LISTEN_DEFAULTS: Listen = {
  host: '127.0.0.1',
  port: 8080,
  trustForwarded: false,
  drainMs: 5000,
  headersTimeoutMs: 30_000,
  bodyTimeoutMs: 60_000,
  idleTimeoutMs: 75_000,
  sendTimeoutMs: 60_000,
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
  check(proxySchema(), value, '', faults)
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
  } = value as { listen?: Partial<Listen>; routes?: unknown } & BalancerConfig
  return { listen: { ...LISTEN_DEFAULTS, ...listen }, routes, balancer }
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

function proxySchema() {
  const z = loadZod()
  const { object, text, number, flag, list } = fieldKinds(z)
  const timeout = (about: string) =>
    number({ integer: true, min: 0, max: MAX_MS, unit: 'ms', about: `${about}; 0 is no limit.` })
  const hostText = (right: string, about: string) => text({ right, pattern: HOST, about })
  return object(
    {
      listen: z.optional(
        object({
          host: text({ right: 'a host name or address', pattern: /^\S+$/, about: 'Address to listen on.' }),
          port: number({
            integer: true,
            min: 0,
            max: 65_535,
            about: 'Port to listen on; 0 is any free one.',
          }),
          trustForwarded: flag({ about: 'Believe the `x-forwarded-*` headers that requests bring.' }),
          trustedProxies: list(
            z.string({ error: (issue) => wrong(RANGE, issue.input) }).check(
              z.refine((range) => parseRange(range) !== undefined, {
                error: (issue) => wrong(RANGE, issue.input),
              }),
            ),
            'an array of addresses and ranges',
            { about: 'Proxies whose `x-forwarded-*` headers are believed.' },
          ),
          headersTimeoutMs: timeout("Time for a request's header fields"),
          bodyTimeoutMs: timeout("Time without a byte of a request's body"),
          idleTimeoutMs: timeout('Time between two requests of a connection'),
          sendTimeoutMs: timeout('Time in which a client does not take a byte'),
          drainMs: number({
            min: 0,
            max: MAX_MS,
            unit: 'ms',
            about: 'Time for requests in flight when it stops.',
          }),
        }),
      ),
      routes: z.optional(
        z.array(
          object({
            host: hostText('a host name without a port, or `*.` and one', 'Requests to this host only.'),
            path: text({
              right: 'a path that begins with `/`',
              pattern: PATH,
              about: 'Requests to this path and below.',
            }),
            service: z.string({
              error: (issue) =>
                `must be the name of a service${issue.input === undefined ? '; it is missing' : ''}`,
            }),
          }),
          { error: 'must be an array of routes' },
        ),
      ),
      // Checked by the balancer's own schema.
      services: z.optional(z.any()),
      rules: z.optional(z.any()),
      seed: z.optional(z.any()),
    },
    'an object with `services`',
  )
}

/** What is balanced, in a few words. */
export function describeServices({ balancer }: ProxyConfig): string {
  const services = Object.entries(balancer.services)
  return services.map(([name, { endpoints }]) => `${name}: ${counted(endpoints.length)}`).join(', ')
}

const counted = (n: number): string => `${n} endpoint${n === 1 ? '' : 's'}`
