import { describe, expect, test } from 'vitest'
import { parseBalancerConfig, parseEndpoint, parseRule } from '../../lib/configuration/parse.js'
import { faultsOf } from './config-faults.js'

const service = (options: object = {}) =>
  parseBalancerConfig({ services: { users: { endpoints: ['http://a:1'], ...options } } }).services.get(
    'users',
  )!

describe('a right configuration', () => {
  test('has every default filled in', () => {
    const config = parseBalancerConfig({ services: { users: { endpoints: ['http://10.0.0.1:8080'] } } })
    expect(config.rules).toEqual([])
    expect(config.seed).toBeUndefined()
    expect([...config.services.keys()]).toEqual(['users'])
    expect(config.services.get('users')).toEqual({
      name: 'users',
      endpoints: [
        {
          id: 'http://10.0.0.1:8080',
          url: 'http://10.0.0.1:8080',
          host: '10.0.0.1',
          port: 8080,
          weight: 1,
          zone: '',
          region: '',
          priority: 0,
          metadata: {},
        },
      ],
      given: config.services.get('users')?.endpoints,
      sources: [],
      found: [],
      policy: {
        name: 'peak-ewma',
        choices: 'all',
        bias: 1,
        decayMs: 10_000,
        firstRttMs: 30,
        hashBalanceFactor: 0,
        pointsPerWeight: 160,
        tableSize: 0,
        probePath: '',
        probesPerRequest: 3,
        poolSize: 16,
        maxProbeAgeMs: 1_000,
        hotQuantile: 0.84,
        weights: 'score',
        blackoutMs: 10_000,
        expiryMs: 180_000,
        updateMs: 1_000,
        errorPenalty: 1,
        options: {},
      },
      hashOn: undefined,
      client: { host: 'endpoint', deadlineHeader: 'fairlead-timeout-ms' },
      health: undefined,
      outlier: {
        consecutiveLocalOrigin: 5,
        consecutiveGatewayErrors: 5,
        consecutiveBodyFailures: 5,
        consecutive5xx: 5,
        failurePercentageThreshold: 5,
        failurePercentageRequestVolume: 100,
        failurePercentageWindowMs: 30_000,
        baseConnectEjectionMs: 1_000,
        maxConnectEjectionMs: 30_000,
        baseEjectionMs: 30_000,
        maxEjectionMs: 300_000,
        maxEjectionPercent: 10,
        maxParkMs: 30_000,
        reconnectMs: 1_000,
      },
      retry: {
        attempts: 3,
        statuses: [502, 503, 504],
        perTryTimeoutMs: 0,
        methods: ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'],
        budget: { ratio: 0.2, minPerSecond: 10 },
        backoffBaseMs: 25,
        backoffMaxMs: 250,
      },
      limits: {
        maxRequests: 0,
        maxConnections: 0,
        maxPending: 0,
        maxRetries: 0,
        perEndpoint: {
          maxRequests: 1_024,
          maxConnections: 1_024,
          maxPending: 1_024,
          maxRetries: 0,
          adaptive: true,
        },
      },
      queue: { limit: 1_024, deadlineMs: 1_000, discipline: 'codel' },
      panicThreshold: 0.5,
      failTrafficOnPanic: false,
      overprovisioningFactor: 1.4,
      slowStart: undefined,
      zoneAware: undefined,
      subsets: undefined,
      aperture: undefined,
      region: '',
      zone: '',
    })
  })

  test('keeps what is set', () => {
    const users = service({
      endpoints: [
        {
          url: 'https://b',
          id: 'b',
          weight: 0.5,
          zone: 'a',
          region: 'eu',
          priority: 127,
          metadata: { rack: [1, { x: null }] },
        },
      ],
      policy: { name: 'least-request', choices: 'all' },
      hashOn: { header: 'X-User' },
      client: { connections: 5, allowH2: true, connect: { rejectUnauthorized: false }, host: 'service' },
      health: {
        http: {
          path: '/healthz?deep=1',
          expect: [204, [200, 201]],
          headers: { 'x-check': 'yes' },
          host: 'users.internal',
        },
        interval: 100,
        timeout: 100,
        rise: 1,
        fall: 3,
        jitter: 0,
      },
      outlier: { consecutive5xx: 0 },
      retry: { attempts: 5, budget: { ratio: 0.5 } },
      limits: {
        maxRequests: 10,
        maxRetries: 3,
        perEndpoint: { maxRequests: 2, maxConnections: 0, maxPending: 7 },
      },
      panicThreshold: 0,
      region: 'eu',
      zone: 'a',
    })
    expect(users.endpoints[0]).toEqual({
      url: 'https://b',
      host: 'b',
      port: 443,
      id: 'b',
      weight: 0.5,
      zone: 'a',
      region: 'eu',
      priority: 127,
      metadata: { rack: [1, { x: null }] },
    })
    expect(users.policy).toMatchObject({ name: 'least-request', choices: 'all' })
    expect(users.hashOn).toEqual({ header: 'x-user' })
    expect(users.client).toEqual({
      connections: 5,
      allowH2: true,
      connect: { rejectUnauthorized: false },
      host: 'service',
      deadlineHeader: 'fairlead-timeout-ms',
    })
    expect(users.health).toEqual({
      tcp: false,
      interval: 100,
      timeout: 100,
      rise: 1,
      fall: 3,
      jitter: 0,
      http: {
        path: '/healthz?deep=1',
        method: 'GET',
        expect: [
          [204, 204],
          [200, 201],
        ],
        headers: { 'x-check': 'yes' },
        host: 'users.internal',
        agent: false,
      },
    })
    expect(users.outlier).toMatchObject({ consecutive5xx: 0, consecutiveLocalOrigin: 5 })
    expect(users.retry).toMatchObject({
      attempts: 5,
      statuses: [502, 503, 504],
      budget: { ratio: 0.5, minPerSecond: 10 },
    })
    expect(users.limits).toEqual({
      maxRequests: 10,
      maxConnections: 0,
      maxPending: 0,
      maxRetries: 3,
      perEndpoint: { maxRequests: 2, maxConnections: 0, maxPending: 7, maxRetries: 0, adaptive: true },
    })
    expect(users).toMatchObject({ panicThreshold: 0, region: 'eu', zone: 'a' })
  })

  test('`false` turns ejection and retries off', () => {
    expect(service({ outlier: false }).outlier).toBeUndefined()
    expect(service({ retry: false }).retry.attempts).toBe(1)
  })

  test('each policy has its own defaults', () => {
    expect(service({ policy: 'least-request' }).policy.choices).toBe(2)
    expect(service({ policy: 'least-response-time' }).policy.choices).toBe('all')
    expect(service({ policy: { name: 'adaptive', decayMs: 500 } }).policy).toMatchObject({
      name: 'adaptive',
      choices: 'all',
      decayMs: 500,
      firstRttMs: 30,
    })
  })

  test('a default never goes against what is set beside it', () => {
    expect(service({ health: { tcp: true, interval: 50 } }).health?.timeout).toBe(50)
    expect(
      service({ outlier: { baseEjectionMs: 600_000, baseConnectEjectionMs: 60_000 } }).outlier,
    ).toMatchObject({ maxEjectionMs: 600_000, maxConnectEjectionMs: 60_000 })
    expect(service({ retry: { backoffBaseMs: 1_000 } }).retry.backoffMaxMs).toBe(1_000)
  })

  test('services without endpoints, and none at all, are allowed', () => {
    expect(service({ endpoints: [] }).endpoints).toEqual([])
    expect(parseBalancerConfig({ services: {} }).services.size).toBe(0)
  })

  test('is frozen and shares nothing with the input', () => {
    const input = {
      services: {
        users: {
          endpoints: [{ url: 'http://a:1', metadata: { tags: ['x'] } }],
          client: { connect: { ca: Buffer.from('pem') } },
        },
      },
    }
    const users = parseBalancerConfig(input).services.get('users')!
    input.services.users.endpoints[0].metadata.tags.push('y')
    input.services.users.client.connect.ca[0] = 0
    expect(users.endpoints[0].metadata).toEqual({ tags: ['x'] })
    expect(Buffer.from(users.client.connect?.ca as Uint8Array).toString()).toBe('pem')
    for (const part of [
      users,
      users.endpoints,
      users.endpoints[0],
      users.endpoints[0].metadata,
      users.policy,
      users.retry,
      users.retry.budget,
      users.limits,
      users.client,
    ]) {
      expect(Object.isFrozen(part)).toBe(true)
    }
  })

  test('goes through structuredClone', () => {
    const config = parseBalancerConfig({
      services: { users: { endpoints: ['http://a:1'], health: { tcp: true } } },
      rules: [{ service: '*', weights: { 'http://a:1': 2 } }],
      seed: 7,
    })
    expect(structuredClone(config)).toEqual(config)
  })

  test('an undefined value counts as left out', () => {
    expect(
      service({ policy: undefined, weight: undefined, health: undefined, retry: { attempts: undefined } })
        .retry.attempts,
    ).toBe(3)
  })
})

describe('single parts', () => {
  test('parseEndpoint', () => {
    expect(parseEndpoint('http://a:1', 'endpoint')).toMatchObject({ id: 'http://a:1', port: 1, weight: 1 })
    expect(faultsOf(() => parseEndpoint({ url: 'http://a', weight: -1, x: 1 }, 'endpoint'))).toEqual([
      'endpoint.weight: must be a number, more than 0, at most 65,535, not -1',
      'endpoint.x: unknown key `x`; known keys: `url`, `id`, `resolve`, `weight`, `zone`, `region`, `priority`, `metadata`, `dispatcher`',
    ])
    expect(faultsOf(() => parseEndpoint(null, 'endpoint'))[0]).toMatch(/^endpoint: must be a URL/)
  })

  test('parseRule', () => {
    expect(
      parseRule(
        {
          service: 'users-*',
          policy: 'random',
          retry: false,
          weights: { a: 2 },
          endpoints: ['a'],
          healthInterval: 5,
        },
        'rule',
      ),
    ).toEqual({
      id: 'users-*',
      service: 'users-*',
      policy: expect.objectContaining({ name: 'random' }),
      retry: { attempts: 1 },
      weights: Object.assign(Object.create(null), { a: 2 }),
      endpoints: ['a'],
      healthInterval: 5,
    })
    expect(parseRule({ service: 'users', id: 'mine' }, 'rule')).toEqual({ id: 'mine', service: 'users' })
  })

  test.each([
    [{}, 'rule.service: is missing; it must be a service name or a pattern like `users-*`'],
    [{ service: 'a**' }, 'rule.service: has `**` in it, which means the same as `*`; write `*`'],
    [
      { service: 'Users-*' },
      'rule.service: has upper-case letters, which no service name has; write `users-*`',
    ],
    [{ service: 'a/*' }, 'rule.service: has "/" in it, which no service name has'],
    [
      { service: 'Users' },
      'rule.service: no request can match "Users", because URL parsing makes it `users`; name the service `users`',
    ],
    [{ service: 'a', endpoints: [] }, 'rule.endpoints: is empty; it must be an array of endpoint ids'],
    [
      { service: 'a', endpoints: ['x', 'y', 'x'] },
      'rule.endpoints[2]: names the same endpoint as rule.endpoints[0]: "x"',
    ],
    [
      { service: 'a', weights: { x: -1 } },
      'rule.weights.x: must be a number, more than 0, at most 65,535, not -1',
    ],
    [
      { service: 'a', weights: [1] },
      'rule.weights: must be an object of weights by endpoint id, not an array',
    ],
    [
      { service: 'a', healthInterval: 0 },
      'rule.healthInterval: must be a whole number of ms, 1 to 86,400,000, not 0',
    ],
    [
      { service: 'a', retry: { attempts: 0 } },
      'rule.retry.attempts: must be a whole number, 1 to 100, not 0',
    ],
    [{ service: 'a', polcy: 'random' }, 'rule.polcy: unknown key `polcy`; did you mean `policy`?'],
    ['users', 'rule: must be an object with `service`, not "users"'],
  ])('parseRule refuses %j', (input, fault) => {
    expect(faultsOf(() => parseRule(input, 'rule'))).toEqual([fault])
  })
})
