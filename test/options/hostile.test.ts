import { createContext, runInContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { parseBalancerConfig, parseEndpoint, parseRule } from '../../lib/configuration/parse.js'
import { ConfigError } from '../../lib/errors.js'
import { seeded } from '../support/seeded.mjs'
import { faultsOfConfig } from './config-faults.js'

describe('input that is not plain data is refused, never a crash', () => {
  test('a cycle', () => {
    const config: Record<string, unknown> = { services: { users: { endpoints: [] } } }
    ;(config.services as Record<string, unknown>).loop = config
    expect(faultsOfConfig(config)).toEqual([
      'services.loop: refers back to the root; a configuration has no cycles',
    ])
    const metadata: Record<string, unknown> = {}
    metadata.self = { metadata }
    expect(faultsOfConfig({ services: { a: { endpoints: [{ url: 'http://a', metadata }] } } })).toEqual([
      'services.a.endpoints[0].metadata.self.metadata: refers back to services.a.endpoints[0].metadata; a configuration has no cycles',
    ])
  })

  test('a getter that throws, once and at its path', () => {
    const users = {
      get endpoints(): never {
        throw new Error('boom')
      },
    }
    expect(faultsOfConfig({ services: { users } })).toEqual([
      'services.users.endpoints: cannot be read: boom',
    ])
  })

  test('what a getter throws need not be an error', () => {
    for (const thrown of [
      undefined,
      null,
      Symbol('x'),
      Object.create(null),
      {
        toString() {
          throw new Error('no')
        },
      },
    ]) {
      const users = {
        get endpoints(): never {
          throw thrown
        },
      }
      expect(faultsOfConfig({ services: { users } })[0]).toMatch(
        /^services\.users\.endpoints: cannot be read: /,
      )
    }
  })

  test('proxies that throw, revoked proxies', () => {
    const angry = new Proxy(
      {},
      {
        ownKeys() {
          throw new Error('no keys')
        },
      },
    )
    expect(faultsOfConfig(angry)).toEqual([': cannot be read: no keys'])
    const revocable = Proxy.revocable({}, {})
    revocable.revoke()
    expect(faultsOfConfig({ services: revocable.proxy })[0]).toMatch(/^services: cannot be read: /)
    const arrays = Proxy.revocable([], {})
    arrays.revoke()
    expect(faultsOfConfig({ services: {}, rules: arrays.proxy })[0]).toMatch(/^rules: cannot be read: /)
  })

  test('class instances, dates, functions, symbols, bigints', () => {
    class Users {
      endpoints = []
    }
    expect(faultsOfConfig({ services: { users: new Users() } })).toEqual([
      'services.users: is an instance of Users; a plain object was expected',
    ])
    const metadata = { date: new Date(), fn: () => 1, symbol: Symbol('s'), big: 1n, map: new Map() }
    expect(
      faultsOfConfig({ services: { a: { endpoints: [{ url: 'http://a', metadata }] } } }).map((fault) =>
        fault.replace(/^.*metadata\./, ''),
      ),
    ).toEqual([
      'date: is an instance of Date; a plain object was expected',
      'fn: is a function; a configuration is plain data, because it goes to other threads',
      'symbol: is a symbol; a configuration is plain data, because it goes to other threads',
      'big: is a bigint; a configuration is plain data, because it goes to other threads',
      'map: is an instance of Map; a plain object was expected',
    ])
  })

  test('endless depth and length', () => {
    let deep: unknown = 1
    for (let i = 0; i < 100_000; i++) deep = { deep }
    expect(
      faultsOfConfig({ services: { a: { endpoints: [{ url: 'http://a', metadata: { deep } }] } } })[0],
    ).toMatch(/is nested more than 64 levels deep$/)
    expect(faultsOfConfig({ services: { a: { endpoints: new Array(4_000_000_000) } } })).toEqual([
      'services.a.endpoints: has 4000000000 items; at most 1000000 are allowed',
    ])
  })

  test('shared objects are walked once, however often they are named', () => {
    let reads = 0
    let shared: object = {
      get leaf() {
        reads++
        return 1
      },
    }
    for (let i = 0; i < 40; i++) shared = { a: shared, b: shared }
    expect(
      faultsOfConfig({ services: { a: { endpoints: [{ url: 'http://a', metadata: { shared } }] } } }),
    ).toEqual([])
    expect(reads).toBe(1)
  })

  test('bytes where no bytes go', () => {
    expect(faultsOfConfig({ services: { a: { endpoints: [{ url: new Uint8Array(3) }] } } })).toEqual([
      'services.a.endpoints[0].url: must be a URL like `http://10.0.0.1:8080`, not bytes',
    ])
    expect(faultsOfConfig({ services: { a: { endpoints: [], retry: new Uint8Array(3) } } })).toEqual([
      'services.a.retry: must be an object, not bytes',
    ])
    expect(faultsOfConfig({ services: new Uint8Array(3) })).toEqual([
      'services: must be an object of services by name, not bytes',
    ])
  })
})

describe('names that objects have anyway', () => {
  test('`__proto__` and `constructor` may name services, endpoints, keys of metadata', () => {
    const config = JSON.parse(
      '{"services":{"__proto__":{"endpoints":[{"url":"http://a","id":"__proto__","metadata":{"__proto__":{"polluted":1}}}]},"constructor":{"endpoints":["http://b"]}},' +
        '"rules":[{"service":"*","weights":{"__proto__":3,"constructor":4}}]}',
    )
    const { services, rules } = parseBalancerConfig(config)
    expect([...services.keys()]).toEqual(['__proto__', 'constructor'])
    const [endpoint] = services.get('__proto__')!.endpoints
    expect(Object.keys(endpoint.metadata)).toEqual(['__proto__'])
    expect((endpoint.metadata as { polluted?: number }).polluted).toBeUndefined()
    expect(Object.entries(rules[0].weights!)).toEqual([
      ['__proto__', 3],
      ['constructor', 4],
    ])
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })

  test('`__proto__` and `constructor` are no policies and no known keys', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(faultsOfConfig({ services: { a: { endpoints: [], policy: name } } })[0]).toMatch(
        /^services\.a\.policy: unknown policy/,
      )
      const a = JSON.parse(`{"endpoints":[],"${name}":1}`)
      expect(faultsOfConfig({ services: { a } })[0]).toMatch(
        `services.a.${name}: unknown key \`${name}\`; known keys`,
      )
    }
  })
})

test('plain objects of another realm and without a prototype are plain', () => {
  const foreign: unknown = runInContext(
    "({ services: { users: { endpoints: ['http://a:1'] } } })",
    createContext({}),
  )
  expect(parseBalancerConfig(foreign).services.size).toBe(1)
  const bare = Object.assign(Object.create(null), {
    services: Object.assign(Object.create(null), { users: { endpoints: [] } }),
  })
  expect(parseBalancerConfig(bare).services.size).toBe(1)
})

test('whatever is put in, the answer is a configuration or a ConfigError', () => {
  const random = seeded(12_345)
  const keys = [
    'services',
    'rules',
    'seed',
    'endpoints',
    'policy',
    'hashOn',
    'client',
    'health',
    'outlier',
    'retry',
    'limits',
    'url',
    'id',
    'weight',
    'name',
    'service',
    'http',
    'tcp',
    'expect',
    'headers',
    'interval',
    'timeout',
    'perEndpoint',
    'budget',
    'weights',
    'choices',
    '__proto__',
    '',
    '0',
    'a',
  ]
  const leaves = [
    undefined,
    null,
    true,
    false,
    0,
    -1,
    1,
    0.5,
    Number.NaN,
    1e9,
    '',
    'a',
    '*',
    'http://a',
    'random',
    'GET',
    '__proto__',
    Symbol('x'),
    () => 1,
    new Date(0),
    new Uint8Array(1),
  ]
  const value = (depth: number): unknown => {
    const kind = depth > 4 ? 2 : random(3)
    if (kind === 0) return Array.from({ length: random(3) }, () => value(depth + 1))
    if (kind === 2) return leaves[random(leaves.length)]
    return Object.fromEntries(
      Array.from({ length: random(5) }, () => [keys[random(keys.length)], value(depth + 1)]),
    )
  }
  let refused = 0
  for (let i = 0; i < 2_000; i++) {
    const input = value(0)
    const users = {
      services: {
        users: typeof input === 'object' && input !== null ? { endpoints: ['http://a'], ...input } : input,
      },
    }
    for (const run of [
      () => parseBalancerConfig(input),
      () => parseBalancerConfig(users),
      () => parseEndpoint(input, 'e'),
      () => parseRule(input, 'r'),
    ]) {
      try {
        run()
      } catch (error) {
        refused++
        if (!(error instanceof ConfigError) || error.faults.length === 0) throw error
      }
    }
  }
  expect(refused).toBeGreaterThan(4_000)
})
