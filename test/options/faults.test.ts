import { describe, expect, test } from 'vitest'
import { parseBalancerConfig } from '../../lib/configuration/parse.js'
import { ConfigError } from '../../lib/errors.js'
import { faultsOfConfig } from './config-faults.js'

const faultsOfService = (service: object): string[] =>
  faultsOfConfig({ services: { users: { endpoints: ['http://a:1'], ...service } } }).map((fault) =>
    fault.replace('services.users.', ''),
  )

describe('every fault has its path and says what would be right', () => {
  test.each([
    [{ polcy: 'random' }, 'polcy: unknown key `polcy`; did you mean `policy`?'],
    [{ strategy: 'random' }, 'strategy: unknown key `strategy`; did you mean `policy`?'],
    [{ healthCheck: {} }, 'healthCheck: unknown key `healthCheck`; did you mean `health`?'],
    [
      { qqqqqqqq: 1 },
      'qqqqqqqq: unknown key `qqqqqqqq`; known keys: `endpoints`, `source`, `policy`, `hashOn`, `client`, `health`, `outlier`, `retry`, `limits`, `queue`, `admissionControl`, `panicThreshold`, `failTrafficOnPanic`, `overprovisioningFactor`, `slowStart`, `zoneAware`, `subsets`, `aperture`, `region`, `zone`',
    ],
    [{ retry: { atempts: 2 } }, 'retry.atempts: unknown key `atempts`; did you mean `attempts`?'],
    [
      { endpoints: undefined },
      'endpoints: is missing; it must be an array of URLs and endpoint objects, unless there is a `source`',
    ],
    [{ endpoints: 'http://a' }, 'endpoints: must be an array of URLs and endpoint objects, not "http://a"'],
    [
      { endpoints: [5] },
      'endpoints[0]: must be a URL like `http://10.0.0.1:8080`, or an object with `url`, not 5',
    ],
    [{ endpoints: [{}] }, 'endpoints[0].url: is missing; it must be a URL like `http://10.0.0.1:8080`'],
    [
      { endpoints: [{ url: 'http://a', wieght: 1 }] },
      'endpoints[0].wieght: unknown key `wieght`; did you mean `weight`?',
    ],
    [
      { endpoints: [{ url: 'http://a', weight: 0 }] },
      'endpoints[0].weight: must be a number, more than 0, at most 65,535, not 0; to send an endpoint no traffic, leave it out or drain it',
    ],
    [
      { endpoints: [{ url: 'http://a', weight: 1e-46 }] },
      'endpoints[0].weight: must be a number, more than 0, at most 65,535, not 1e-46; it is too small to be told from 0',
    ],
    [
      { endpoints: [{ url: 'http://a', weight: -1 }] },
      'endpoints[0].weight: must be a number, more than 0, at most 65,535, not -1',
    ],
    [
      { endpoints: [{ url: 'http://a', weight: Number.NaN }] },
      'endpoints[0].weight: must be a number, more than 0, at most 65,535, not NaN',
    ],
    [
      { endpoints: [{ url: 'http://a', weight: 65_536 }] },
      'endpoints[0].weight: must be a number, more than 0, at most 65,535, not 65536',
    ],
    [
      { endpoints: [{ url: 'http://a', weight: '2' }] },
      'endpoints[0].weight: must be a number, more than 0, at most 65,535, not "2"',
    ],
    [
      { endpoints: [{ url: 'http://a', priority: 128 }] },
      'endpoints[0].priority: must be a whole number, 0 to 127, not 128',
    ],
    [
      { endpoints: [{ url: 'http://a', priority: 1.5 }] },
      'endpoints[0].priority: must be a whole number, 0 to 127, not 1.5',
    ],
    [
      { endpoints: [{ url: 'http://a', id: '' }] },
      'endpoints[0].id: must be text of 1 to 256 characters, not ""',
    ],
    [
      { endpoints: [{ url: 'http://a', metadata: [] }] },
      'endpoints[0].metadata: must be an object, not an array',
    ],
    [
      { endpoints: ['http://a', 'http://b', 'HTTP://A:80/'] },
      'endpoints[2]: has the same URL as services.users.endpoints[0]: `http://a`; name each endpoint once',
    ],
    [
      {
        endpoints: [
          { url: 'http://a', id: 'x' },
          { url: 'http://b', id: 'x' },
        ],
      },
      'endpoints[1]: has the same id as services.users.endpoints[0]: "x"; ids are unique within a service',
    ],
    [
      { policy: { name: 'random', decayMs: 5 } },
      'policy.decayMs: `random` has no option `decayMs`; it is one of `peak-ewma`, `least-response-time`, `resource-based`, `adaptive`',
    ],
    [
      { policy: { name: 'least-request', choices: 1 } },
      "policy.choices: must be a whole number from 2 to 65,535, or 'all', not 1",
    ],
    [{ policy: 3 }, 'policy: must be a policy name or an object with `name`, not 3'],
    [
      { health: { http: {}, tcp: true } },
      'health: has both `http` and `tcp`; an endpoint is checked in one way, leave one out',
    ],
    [
      { health: { interval: 5 } },
      "health: says nothing to check; add `http: { path: '/healthz' }` or `tcp: true`, or leave `health` out",
    ],
    [
      { health: { tcp: true, interval: 100, timeout: 101 } },
      'health.timeout: must be at most `interval`, which is 100 ms; it is 101 ms',
    ],
    [
      { health: { tcp: true, timeout: 2_001 } },
      'health.timeout: must be at most `interval`, which is 2,000 ms; it is 2,001 ms',
    ],
    [{ health: { tcp: true, rise: 0 } }, 'health.rise: must be a whole number, 1 to 1,000, not 0'],
    [{ health: { tcp: true, fall: 0 } }, 'health.fall: must be a whole number, 1 to 1,000, not 0'],
    [{ health: { tcp: true, jitter: 1.1 } }, 'health.jitter: must be a number, 0 to 1, not 1.1'],
    [
      { health: { http: { path: 'healthz' } } },
      'health.http.path: must be a path like `/healthz`, not "healthz"',
    ],
    [{ health: { http: { path: '/a b' } } }, 'health.http.path: must be a path like `/healthz`, not "/a b"'],
    [
      { health: { http: { expect: [] } } },
      'health.http.expect: is empty; it must be an array of status codes and ranges `[from, to]`',
    ],
    [
      { health: { http: { expect: [[300, 200]] } } },
      'health.http.expect[0]: is a range that ends before it begins; write `[200, 300]`',
    ],
    [
      { health: { http: { headers: { 'a b': 'x' } } } },
      'health.http.headers["a b"]: "a b" is not the name of a header',
    ],
    [
      { health: { http: { headers: { a: 'x\r\nb: y' } } } },
      'health.http.headers.a: has a character that no header value may have',
    ],
    [{ outlier: true }, 'outlier: must be an object or false, not true'],
    [
      { outlier: { baseEjectionMs: 10, maxEjectionMs: 5 } },
      'outlier.maxEjectionMs: must be at least `baseEjectionMs`, which is 10 ms; it is 5 ms',
    ],
    [
      { outlier: { consecutive5xx: -1 } },
      'outlier.consecutive5xx: must be a whole number, 0 to 1,000,000, not -1',
    ],
    [
      { retry: { methods: ['get'] } },
      'retry.methods[0]: must be a method in upper case like `GET`, and not CONNECT, not "get"',
    ],
    [{ retry: { attempts: '2' } }, 'retry.attempts: must be a whole number, 1 to 100, not "2"'],
    [{ retry: { budget: [] } }, 'retry.budget: must be an object, not an array'],
    [
      { outlier: { maxEjectionPercent: null } },
      'outlier.maxEjectionPercent: must be a number of %, 0 to 100, not null',
    ],
    [{ retry: { statuses: [200] } }, 'retry.statuses[0]: must be a whole number, 400 to 599, not 200'],
    [
      { retry: { budget: { ratio: 0.00025 } } },
      'retry.budget.ratio: must be a number, 0 to 10, in steps of 0.001, not 0.00025',
    ],
    [
      { retry: { backoffMaxMs: 24 } },
      'retry.backoffMaxMs: must be at least `backoffBaseMs`, which is 25 ms; it is 24 ms',
    ],
    [
      { limits: { perEndpoint: { maxRequests: Number.POSITIVE_INFINITY } } },
      'limits.perEndpoint.maxRequests: must be a whole number, 0 to 1,000,000, not Infinity',
    ],
    [{ hashOn: {} }, 'hashOn: must have exactly one of `header`, `cookie`, `query`, `path`; it has none'],
    [
      { hashOn: { header: 'a', query: 'b' } },
      'hashOn: must have exactly one of `header`, `cookie`, `query`, `path`; it has `header`, `query`',
    ],
    [
      { client: { conections: 1 } },
      'client.conections: unknown key `conections`; did you mean `connections`?',
    ],
    [
      { client: { host: 'a/b' } },
      "client.host: must be 'endpoint', 'service', 'request', or a host like `users.internal`, not \"a/b\"",
    ],
    [
      { client: { connect: { checkServerIdentity: () => undefined } } },
      'client.connect.checkServerIdentity: is a function; a configuration is plain data, because it goes to other threads',
    ],
    [{ panicThreshold: 50 }, 'panicThreshold: must be a number, 0 to 1, not 50'],
    [
      { policy: { name: 'maglev', tableSize: 65_536 } },
      'policy.tableSize: must be a prime from 3 to 5,000,011, not 65536',
    ],
    [
      { policy: { name: 'maglev', tableSize: 1e300 } },
      'policy.tableSize: must be a prime from 3 to 5,000,011, not 1e+300',
    ],
    [
      { policy: { name: 'ring-hash', hashBalanceFactor: 99 } },
      'policy.hashBalanceFactor: must be 0, or a whole number from 100 to 10,000 per cent, not 99',
    ],
    [
      { policy: { name: 'rendezvous', pointsPerWeight: 1 } },
      'policy.pointsPerWeight: `rendezvous` has no option `pointsPerWeight`; it is one of `ring-hash`',
    ],
    [
      { policy: { name: 'resource-based', weights: 'grpc' } },
      'policy.weights: must be one of `score`, `orca`, not "grpc"',
    ],
    [{ region: 5 }, 'region: must be text of at most 256 characters, not 5'],
  ])('%j', (options, fault) => {
    expect(faultsOfService(options)).toEqual([fault])
  })

  test.each([
    ['least-connections', 'least-request'],
    ['leastconn', 'least-request'],
    ['least_connection', 'least-request'],
    ['round-robbin', 'round-robin'],
    ['RoundRobin', 'round-robin'],
    ['peak_ewma', 'peak-ewma'],
    ['wrr', 'weighted-round-robin'],
  ])('policy %s leads to %s', (name, meant) => {
    const [fault] = faultsOfService({ policy: name })
    expect(fault).toContain(
      `policy: unknown policy ${JSON.stringify(name)}; did you mean \`${meant}\`? policies: \`peak-ewma\`, \`least-request\``,
    )
    expect(faultsOfService({ policy: { name } })[0]).toContain(`policy.name: unknown policy`)
  })

  test("another system's name of a policy is told by ours", () => {
    expect(faultsOfService({ policy: 'ketama' })[0]).toMatch(/^policy: .*; did you mean `ring-hash`\?/)
  })

  test('a policy that resembles none is answered with the list', () => {
    const [fault] = faultsOfService({ policy: 'qqqqqqqqqqqq' })
    expect(fault).toMatch(
      /^policy: unknown policy "qqqqqqqqqqqq"; one of your own is registered by `definePolicy` .*; policies: /,
    )
  })

  test('all faults come at once', () => {
    const config = {
      services: {
        users: {
          endpoints: ['http://a:1', { url: 'http://b:1', weight: -1 }],
          polcy: 1,
          health: { tcp: true, rise: 0, interval: 1, timeout: 2 },
        },
        Orders: { endpoints: [] },
      },
      rules: [{ service: 'A*' }, { service: 'a', weights: { x: 0 } }],
      sed: 1,
    }
    expect(faultsOfConfig(config).map((fault) => fault.split(': ')[0])).toEqual([
      'sed',
      'services.users.health.rise',
      'services.users.polcy',
      'services.users.endpoints[1].weight',
      'services.users.health.timeout',
      'services.Orders',
      'rules[0].service',
      'rules[1].weights.x',
    ])
    expect(() => parseBalancerConfig(config)).toThrow(ConfigError)
    expect(() => parseBalancerConfig(config)).toThrow(
      /^The configuration has 8 faults:\n {2}sed: unknown key `sed`; did you mean `seed`\?\n/,
    )
  })

  test.each([
    [undefined, 'is missing; it must be an object with `services`'],
    [null, 'must be an object with `services`, not null'],
    [3, 'must be an object with `services`, not 3'],
    ['services', 'must be an object with `services`, not "services"'],
    [[], 'must be an object with `services`, not an array'],
    [new Map(), 'is an instance of Map; a plain object was expected'],
    [() => ({}), 'is a function; a configuration is plain data, because it goes to other threads'],
  ])('a configuration that is %s', (input, message) => {
    expect(faultsOfConfig(input)).toEqual([`: ${message}`])
  })

  test('services and rules of the wrong kind', () => {
    expect(faultsOfConfig({})).toEqual(['services: is missing; it must be an object of services by name'])
    expect(faultsOfConfig({ services: [], rules: {} })).toEqual([
      'services: must be an object of services by name, not an array',
      'rules: must be an array of rules, not an object',
    ])
    expect(faultsOfConfig({ services: { users: null } })).toEqual([
      'services.users: must be an object, not null',
    ])
    expect(faultsOfConfig({ services: {}, seed: 2 ** 32 })).toEqual([
      'seed: must be a whole number, 0 to 4,294,967,295, not 4294967296',
    ])
  })
})
