/** The proxy's file: what it may hold, what it means, and what is said of its faults. */
import { describe, expect, it } from 'vitest'
import { describeServices, parseProxyConfig } from '../../../lib/cli/proxy/config.js'
import { ConfigError } from '../../../lib/errors.js'

const ENDPOINTS = ['http://10.0.0.1:8080']
const ONE = { app: { endpoints: ENDPOINTS } }
const TWO = { a: { endpoints: ENDPOINTS }, b: { endpoints: [...ENDPOINTS, 'http://10.0.0.2:8080'] } }

/** The faults of a file, as `path: message`. */
function faultsOf(input: unknown): string[] {
  try {
    parseProxyConfig(input)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.faults.map(({ path, message }) => `${path}: ${message}`)
  }
  return []
}

describe('a file that is right', () => {
  it('has defaults for where to listen, and hands everything of the balancer to that', () => {
    const rules = [{ match: { service: 'app' }, set: { policy: 'random' } }]
    expect(parseProxyConfig({ services: ONE, seed: 7 })).toEqual({
      listen: {
        host: '127.0.0.1',
        port: 8080,
        trustForwarded: false,
        headersTimeoutMs: 30_000,
        bodyTimeoutMs: 60_000,
        idleTimeoutMs: 75_000,
        sendTimeoutMs: 60_000,
        drainMs: 5_000,
      },
      routes: [],
      balancer: { services: ONE, seed: 7 },
    })
    expect(faultsOf({ services: ONE, rules }).every((fault) => fault.startsWith('rules'))).toBe(true)
  })

  it('may say where to listen', () => {
    const listen = {
      host: '::1',
      port: 0,
      trustForwarded: true,
      trustedProxies: ['10.0.0.0/8', '::1'],
      drainMs: 0,
    }
    expect(parseProxyConfig({ listen, services: ONE }).listen).toMatchObject(listen)
    const limits = { headersTimeoutMs: 0, bodyTimeoutMs: 0, idleTimeoutMs: 0, sendTimeoutMs: 0, port: 65_535 }
    expect(parseProxyConfig({ listen: limits, services: ONE }).listen).toMatchObject(limits)
  })

  it('has routes with the path `/` where none is said, and hosts as they are compared', () => {
    const routes = [
      { service: 'a' },
      { host: 'Shop.Example.', service: 'a' },
      { host: '*.B\u00fccher.Example', path: '/x', service: 'b' },
      { host: '[::0:1]', service: 'b' },
    ]
    expect(parseProxyConfig({ services: TWO, routes }).routes).toEqual([
      { path: '/', service: 'a' },
      { host: 'shop.example', path: '/', service: 'a' },
      { host: '*.xn--bcher-kva.example', path: '/x', service: 'b' },
      { host: '[::1]', path: '/', service: 'b' },
    ])
  })

  it('is told in a few words', () => {
    const config = parseProxyConfig({ services: TWO, routes: [{ service: 'a' }] })
    expect(describeServices(config)).toBe('a: 1 endpoint, b: 2 endpoints')
    expect(describeServices(parseProxyConfig({ services: { app: { endpoints: [] } } }))).toBe(
      'app: 0 endpoints',
    )
  })
})

describe('a file that is wrong', () => {
  it.each([
    [null, [': must be an object with `services`, not null']],
    [[], [/^: must be an object with `services`/]],
    [{ services: {} }, ['services: is empty; a proxy needs a service to send requests to']],
    [{ services: TWO }, ['routes: is missing; with 2 services it has to say which request goes where']],
    [{ services: TWO, routes: [] }, [/^routes: is missing/]],
    [
      { services: TWO, routes: [{ service: 'c' }] },
      ['routes[0].service: "c" is not a service; there are a, b'],
    ],
    [
      { services: ONE, routes: [{ service: 'app' }, { path: '/c', service: 'c' }] },
      ['routes[1].service: "c" is not a service; there is only app'],
    ],
    [
      { services: ONE, routes: [{}] },
      [/^routes\[0\]\.service: must be the name of a service; it is missing/],
    ],
    [
      { services: ONE, routes: [{ service: 7 }] },
      [/^routes\[0\]\.service: must be the name of a service(?!;)/],
    ],
    [{ services: ONE, routes: 'app' }, [/^routes: must be an array of routes/]],
    [{ services: ONE, routes: ['app'] }, [/^routes\[0\]/]],
    [
      { services: ONE, routes: [{ service: 'app', path: 'x' }] },
      [/^routes\[0\]\.path: must be a path that begins/],
    ],
    [{ services: ONE, routes: [{ service: 'app', path: '/a?b' }] }, [/^routes\[0\]\.path/]],
    [
      { services: ONE, routes: [{ service: 'app', host: 'a:80' }] },
      [/^routes\[0\]\.host: must be a host name/],
    ],
    [{ services: ONE, routes: [{ service: 'app', host: 'a.*' }] }, [/^routes\[0\]\.host/]],
    [{ services: ONE, routes: [{ service: 'app', host: 7 }] }, [/^routes\[0\]\.host/]],
    [{ services: ONE, listen: { port: 65_536 } }, [/^listen\.port: must be a whole number, 0 to 65,535/]],
    [{ services: ONE, listen: { port: -1 } }, [/^listen\.port/]],
    [{ services: ONE, listen: { port: 1.5 } }, [/^listen\.port/]],
    [{ services: ONE, listen: { host: 'a b' } }, [/^listen\.host: must be a host name or address/]],
    [{ services: ONE, listen: { drainMs: -1 } }, [/^listen\.drainMs/]],
    [{ services: ONE, listen: { bodyTimeoutMs: -1 } }, [/^listen\.bodyTimeoutMs/]],
    [{ services: ONE, listen: { sendTimeoutMs: 0.5 } }, [/^listen\.sendTimeoutMs/]],
    [
      { services: ONE, listen: { trustedProxies: ['x'] } },
      [/^listen\.trustedProxies\[0\]: .*`10\.0\.0\.0\/8`/],
    ],
    [{ services: ONE, more: 1 }, [/^more/]],
    [{ services: { app: { endpoints: 7 } } }, [/^services\.app\.endpoints/]],
    [{ services: ONE, seed: 'x' }, [/^seed/]],
    [{ services: ONE, rules: 7 }, [/^rules/]],
  ])('is refused, and says why: %j', (input, expected) => {
    const faults = faultsOf(input)
    expect(faults).toEqual(expected.map((one) => (one instanceof RegExp ? expect.stringMatching(one) : one)))
  })

  it('has each route once', () => {
    const route = { host: 'a.example', path: '/x', service: 'app' }
    const same = { ...route, host: 'A.example.' }
    const others = [
      { ...route, path: '/y' },
      { ...route, host: 'b.example' },
      { path: '/x', service: 'app' },
    ]
    expect(faultsOf({ services: ONE, routes: [route, ...others] })).toEqual([])
    expect(faultsOf({ services: ONE, routes: [route, ...others, same, same] })).toEqual([
      'routes[4]: has the host and path of routes[0]',
      'routes[5]: has the host and path of routes[0]',
    ])
  })

  it('says all of its faults at once', () => {
    const faults = faultsOf({
      services: { app: { endpoints: 7 } },
      routes: [{ service: 'b' }],
      listen: { port: 'x' },
    })
    expect(faults.some((fault) => fault.startsWith('listen.port'))).toBe(true)
    expect(faults.some((fault) => fault.startsWith('services.app'))).toBe(true)
    expect(faults.some((fault) => fault.startsWith('routes[0].service'))).toBe(true)
  })
})
