import { describe, expect, it } from 'vitest'
import { BalancerCore } from '../../lib/balancer/balancer.js'
import { Balancer } from '../../lib/clients/balancer.js'
import { HEALTH } from '../../lib/health/filter.js'
import { ConfigError, type EndpointEvent } from '../../lib/index.js'
import { ManualTimers } from '../support/manual-timers.js'

const config = (endpoints: unknown[] = ['http://a.test', 'http://b.test', 'http://c.test'], rest = {}) =>
  ({ services: { users: { endpoints, policy: 'round-robin', ...rest } }, seed: 1 }) as never

const idsOf = (balancer: Pick<Balancer, 'pick'>, picks: number): string[] =>
  Array.from({ length: picks }, () => {
    const lease = balancer.pick('users')
    lease.end()
    return lease.endpoint.id
  })

describe('a lease', () => {
  it('ends once, by its first call; disposed without an end it is neutral', () => {
    const balancer = new Balancer(config(['http://a.test']))
    const lease = balancer.pick({ service: 'users' })
    expect(lease.endpoint).toMatchObject({
      id: 'http://a.test',
      host: 'a.test',
      port: 80,
      weight: 1,
      priority: 0,
    })
    lease.end({ ok: true, status: 200, latencyMs: 12 })
    lease.end({ ok: false })
    lease[Symbol.dispose]()
    balancer.pick('users')[Symbol.dispose]()
    const { users } = balancer.stats().services
    expect(users).toMatchObject({ requests: 2, succeeded: 1, failed: 0, cancelled: 1, inFlight: 0 })
    expect(users.latencyMs).toMatchObject({ count: 1, p50: expect.closeTo(12, 0) })
  })

  it('counts by ok and by status', () => {
    const balancer = new Balancer(config(['http://a.test'], { outlier: false }))
    for (const outcome of [undefined, { ok: true }, { status: 404 }, { ok: true, status: 500 }])
      balancer.pick('users').end(outcome)
    for (const outcome of [{ ok: false }, { status: 500 }, { ok: false, status: 200 }])
      balancer.pick('users').end(outcome)
    expect(balancer.stats().services.users).toMatchObject({ succeeded: 4, failed: 3 })
  })
})

describe('changes at run time', () => {
  it('add, remove, drain, weight, breaker: effective with the next pick', () => {
    const balancer = new Balancer(config())
    const users = balancer.service('users')
    users.add({ url: 'http://d.test', id: 'd' })
    expect(new Set(idsOf(balancer, 8)).size).toBe(4)
    users.remove('d')
    expect(new Set(idsOf(balancer, 6))).toEqual(new Set(['http://a.test', 'http://b.test', 'http://c.test']))
    users.set('http://a.test', { state: 'drain' })
    users.set('http://b.test', { breaker: 'open' })
    expect(new Set(idsOf(balancer, 6))).toEqual(new Set(['http://c.test']))
    users.set('http://c.test', { state: 'maint' })
    expect(() => balancer.pick('users')).toThrow(expect.objectContaining({ code: 'FAIRLEAD_NO_ENDPOINT' }))
    users.set('http://a.test', { state: 'ready', weight: 7 })
    expect(balancer.pick('users').endpoint).toMatchObject({ id: 'http://a.test', weight: 7 })
  })

  it('an endpoint that left finishes what it has, and its totals stay', () => {
    const balancer = new Balancer(config(['http://a.test', 'http://b.test']))
    const leases = [balancer.pick('users'), balancer.pick('users')]
    balancer.service('users').remove('http://a.test')
    expect(balancer.stats().services.users).toMatchObject({ requests: 2, inFlight: 2 })
    for (const lease of leases) lease.end()
    expect(balancer.stats().services.users).toMatchObject({ requests: 2, succeeded: 2, inFlight: 0 })
    expect(Object.keys(balancer.stats().services.users.endpoints)).toEqual(['http://b.test'])
    // Its slot serves another endpoint now, from zero.
    balancer.service('users').add('http://z.test')
    expect(balancer.stats().services.users.endpoints['http://z.test']).toMatchObject({
      requests: 0,
      latencyMs: { count: 0 },
    })
  })

  it('refuses what it does not know, and changes nothing', () => {
    const balancer = new Balancer(config())
    const users = balancer.service('users')
    const before = JSON.stringify(users.endpoints)
    expect(() => users.remove('http://z.test')).toThrow(
      expect.objectContaining({ code: 'FAIRLEAD_UNKNOWN_ENDPOINT' }),
    )
    expect(() => users.add('http://a.test')).toThrow(expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }))
    expect(() => users.add('ftp://a.test')).toThrow(ConfigError)
    expect(() => users.set('http://a.test', { state: 'asleep' } as never)).toThrow(/ready, drain, maint/)
    expect(() => users.set('http://a.test', { state: 'drain', colour: 'red' } as never)).toThrow(/"colour"/)
    expect(() => users.set('http://a.test', { state: 'drain', weight: -1 })).toThrow(ConfigError)
    expect(() => balancer.service('orders')).toThrow(
      expect.objectContaining({ code: 'FAIRLEAD_UNKNOWN_SERVICE' }),
    )
    expect(() => balancer.pick('orders')).toThrow(/known services: users/)
    expect(() => balancer.pick(undefined as never)).toThrow(/FAIRLEAD|not a service/)
    expect(JSON.stringify(users.endpoints)).toBe(before)
    expect(new Set(idsOf(balancer, 6)).size).toBe(3)
  })
})

describe('update', () => {
  it('replaces everything; what stays keeps its history and its place', async () => {
    const balancer = new Balancer(config())
    idsOf(balancer, 9)
    await balancer.update(config(['http://b.test', { url: 'http://c.test', weight: 3 }, 'http://d.test']))
    const { endpoints, requests } = balancer.stats().services.users
    expect(requests).toBe(9)
    expect(endpoints['http://b.test'].requests).toBe(3)
    expect(endpoints['http://c.test']).toMatchObject({ requests: 3, weight: 3 })
    expect(endpoints['http://d.test'].requests).toBe(0)
    expect(new Set(idsOf(balancer, 6))).toEqual(new Set(['http://b.test', 'http://c.test', 'http://d.test']))
  })

  it('refuses a bad configuration whole, and the old one goes on', async () => {
    const balancer = new Balancer(config())
    await expect(
      balancer.update(config(['http://x.test', 'nonsense'], { policy: 'ruond-robin' })),
    ).rejects.toMatchObject({
      code: 'FAIRLEAD_CONFIG',
      faults: expect.arrayContaining([
        expect.objectContaining({ path: 'services.users.endpoints[1]' }),
        expect.objectContaining({
          path: 'services.users.policy',
          message: expect.stringContaining('round-robin'),
        }),
      ]),
    })
    expect(new Set(idsOf(balancer, 6))).toEqual(new Set(['http://a.test', 'http://b.test', 'http://c.test']))
  })

  it('services come and go; a lease of a service that left still ends', async () => {
    const balancer = new Balancer({
      services: { users: { endpoints: ['http://a.test'] }, orders: { endpoints: ['http://o.test'] } },
    })
    const lease = balancer.pick('orders')
    await balancer.update({
      services: { users: { endpoints: ['http://a.test'] }, carts: { endpoints: ['http://c.test'] } },
    })
    expect(balancer.serviceNames).toEqual(['users', 'carts'])
    expect(() => balancer.pick('orders')).toThrow(/not a service/)
    lease.end()
    for (let i = 0; i < 600; i++) {
      await balancer.update({
        services: { users: { endpoints: ['http://a.test'] }, [`s${i}`]: { endpoints: ['http://s.test'] } },
      })
    }
    expect(balancer.pick('s599').endpoint.host).toBe('s.test')
  })
})

describe('rules', () => {
  it('the most specific pattern wins, while running, and removing it brings the service back', () => {
    const balancer = new Balancer({
      ...(config() as object),
      rules: [{ service: '*', endpoints: ['http://a.test'] }],
    } as never)
    expect(new Set(idsOf(balancer, 6))).toEqual(new Set(['http://a.test']))
    balancer.rules.add({ service: 'us*', endpoints: ['http://b.test', 'http://c.test'], policy: 'random' })
    expect(new Set(idsOf(balancer, 40))).toEqual(new Set(['http://b.test', 'http://c.test']))
    balancer.rules.update('us*', { service: 'users', weights: { 'http://b.test': 5 } })
    expect(balancer.stats().services.users.endpoints['http://b.test'].weight).toBe(5)
    balancer.rules.remove('us*')
    balancer.rules.remove('*')
    expect(new Set(idsOf(balancer, 6)).size).toBe(3)
    expect(balancer.stats().services.users.endpoints['http://b.test'].weight).toBe(1)
  })

  it('an endpoint added while a rule is in force is there when the rule is gone', () => {
    const balancer = new Balancer({
      ...(config() as object),
      rules: [{ service: 'users', endpoints: ['http://a.test'] }],
    } as never)
    balancer.service('users').add('http://d.test')
    expect(new Set(idsOf(balancer, 4))).toEqual(new Set(['http://a.test']))
    balancer.rules.remove('users')
    expect(new Set(idsOf(balancer, 8)).size).toBe(4)
  })
})

describe('with', () => {
  it('carries pick options through whatever is awaited inside', async () => {
    const endpoints = ['eu', 'us'].map((region) => ({ url: `http://${region}.test`, id: region, region }))
    const balancer = new Balancer(config(endpoints, { policy: 'geographic' }))
    await balancer.with({ region: 'us' }, async () => {
      await new Promise((resolve) => setImmediate(resolve))
      expect(new Set(idsOf(balancer, 5))).toEqual(new Set(['us']))
      balancer.with({ key: 'k' }, () => expect(balancer.pick('users').endpoint.id).toBe('us'))
      expect(balancer.pick({ service: 'users', region: 'eu' }).endpoint.id).toBe('eu')
    })
  })
})

describe('hashOn', () => {
  it.each([
    [{ header: 'X-User' }, { headers: { 'x-user': 'alice' } }],
    [{ cookie: 'sid' }, { headers: { cookie: 'a=b; sid="s1"; c=d' } }],
    [{ query: 'user' }, { path: '/x?user=alice&y=1' }],
    [{ path: true }, { path: '/x/y?z' }],
  ])('%j finds its key', (hashOn, request) => {
    const endpoints = Array.from({ length: 20 }, (_, i) => `http://e${i}.test`)
    const balancer = new Balancer(config(endpoints, { policy: 'ip-hash', hashOn }))
    const ids = new Set(
      Array.from({ length: 20 }, () => balancer.pick({ service: 'users', ...request }).endpoint.id),
    )
    expect(ids.size).toBe(1)
    const without = new Set(Array.from({ length: 60 }, () => balancer.pick('users').endpoint.id))
    expect(without.size).toBeGreaterThan(5)
  })
})

describe('events', () => {
  it('tell every change of an endpoint, with its state and the reason', async () => {
    const timers = new ManualTimers()
    const balancer = new Balancer(config(), timers)
    const events: EndpointEvent[] = []
    balancer.on('endpoint', (event) => events.push(event))
    const users = balancer.service('users')
    for (let i = 0; i < 15; i++) {
      const lease = balancer.pick('users')
      lease.end({ ok: lease.endpoint.id !== 'http://a.test' })
    }
    await timers.advance(1000)
    const probe = balancer.pick('users')
    expect(probe.endpoint.id).toBe('http://a.test')
    expect(idsOf(balancer, 6)).not.toContain('http://a.test')
    probe.end()
    users.set('http://b.test', { state: 'drain' })
    users.remove('http://c.test')
    expect(events.map(({ type, endpoint, state }) => `${endpoint.host} ${type} ${state}`)).toEqual([
      'a.test ejected ejected',
      'a.test probing probing',
      'a.test returned ready',
      'b.test set drain',
      'c.test removed drain',
    ])
    expect(events[0].reason).toMatch(/connection failures: 5 in a row; out for 1000 ms/)
  })
})

describe('what is no longer configured', () => {
  it('holds no endpoint out any longer: active checks', async () => {
    const tcp = { health: { tcp: true } }
    const balancer = new BalancerCore(config(undefined, tcp), new ManualTimers())
    const users = balancer.known('users')
    const result = { ok: false, health: HEALTH.UNHEALTHY, run: -2, score: 0.5, changed: true }
    users.checked(users.members[0], result, 'a check failed')
    expect(new Set(idsOf(balancer, 6)).size).toBe(2)
    await balancer.update(config(undefined, { ...tcp, policy: 'random' }))
    expect(new Set(idsOf(balancer, 60)).size).toBe(2)
    await balancer.update(config())
    expect(new Set(idsOf(balancer, 6)).size).toBe(3)
    expect(balancer.stats().services['users'].endpoints['http://a.test']).toMatchObject({
      state: 'ready',
      healthScore: 1,
    })
  })

  it('holds no endpoint out any longer: outlier detection', async () => {
    const balancer = new Balancer(config(), new ManualTimers())
    for (let i = 0; i < 15; i++) {
      const lease = balancer.pick('users')
      lease.end({
        ok: lease.endpoint.id !== 'http://a.test',
        status: lease.endpoint.id === 'http://a.test' ? 500 : 200,
      })
    }
    expect(new Set(idsOf(balancer, 6)).size).toBe(2)
    await balancer.update(config(undefined, { outlier: { consecutive5xx: 9 } }))
    expect(new Set(idsOf(balancer, 6)).size).toBe(2)
    await balancer.update(config(undefined, { outlier: false }))
    expect(new Set(idsOf(balancer, 6)).size).toBe(3)
  })
})

describe('a listener that throws', () => {
  it('stops the process as any uncaught error does, and nothing else', async () => {
    const handlers = process.rawListeners('uncaughtException') as NodeJS.UncaughtExceptionListener[]
    process.removeAllListeners('uncaughtException')
    const uncaught: string[] = []
    process.on('uncaughtException', (error) => uncaught.push(error.message))
    try {
      const balancer = new Balancer(config(), new ManualTimers())
      balancer.on('endpoint', ({ type }) => {
        throw new Error(`listener: ${type}`)
      })
      balancer.on('config', () => {
        throw new Error('listener: config')
      })
      for (let i = 0; i < 15; i++) {
        const lease = balancer.pick('users')
        lease.end({ ok: lease.endpoint.id !== 'http://a.test' })
      }
      const users = balancer.service('users')
      const held = [balancer.pick('users'), balancer.pick('users')]
      users.remove('http://b.test')
      users.add('http://d.test')
      await balancer.update(config(['http://c.test', 'http://d.test']))
      for (const lease of held) lease.end()
      expect(balancer.stats().services['users'].inFlight).toBe(0)
      await balancer.stop({ drainMs: 10_000 })
      await new Promise((resolve) => setImmediate(resolve))
      expect(uncaught).toEqual(
        ['ejected', 'removed', 'added', 'removed', 'config'].map((type) => `listener: ${type}`),
      )
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const handler of handlers) process.on('uncaughtException', handler)
    }
  })
})

describe('a service that has left', () => {
  it('takes no endpoint: its record may be another service by now', async () => {
    const balancer = new Balancer(config(['http://a.test']))
    const users = balancer.service('users')
    await balancer.update({ services: { orders: { endpoints: ['http://b.test'] } } })
    expect(() => users.add('http://c.test')).toThrow(
      expect.objectContaining({
        code: 'FAIRLEAD_ARGUMENT',
        message: expect.stringContaining('"users" has left'),
      }),
    )
    expect(balancer.stats().services['orders'].noEndpoint).toBe(0)
    await balancer.update(config(['http://a.test']))
    expect(() => users.add('http://c.test')).toThrow(expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }))
    balancer.service('users').add('http://c.test')
    expect(new Set(idsOf(balancer, 4))).toEqual(new Set(['http://a.test', 'http://c.test']))
  })
})

describe('a request for a service that leaves before its pick', () => {
  it('finds no endpoint, and is not counted for whoever has the record by now', async () => {
    const balancer = new BalancerCore(config(['http://a.test']))
    const users = balancer.known('users')
    await balancer.update({ services: { orders: { endpoints: ['http://b.test'] } } })
    expect(() => balancer.pickFrom(users)).toThrow(expect.objectContaining({ code: 'FAIRLEAD_NO_ENDPOINT' }))
    expect(balancer.stats().services['orders'].noEndpoint).toBe(0)
  })
})

describe('region', () => {
  const endpoints = [
    { url: 'http://a.test', region: 'eu' },
    { url: 'http://b.test', region: 'us' },
    { url: 'http://c.test' },
  ]

  it.each(['geographic', 'adaptive'])('of the process counts for requests that name none: %s', (policy) => {
    const balancer = new Balancer(config(endpoints, { policy, region: 'us' }))
    expect(new Set(idsOf(balancer, 20))).toEqual(new Set(['http://b.test']))
    const lease = balancer.pick({ service: 'users', region: 'eu' })
    expect(lease.endpoint.id).toBe('http://a.test')
    lease.end()
    const homeless = new Balancer(config(endpoints, { policy }))
    expect(new Set(idsOf(homeless, 60)).size).toBe(3)
  })
})

describe('hashOn and the address of the client', () => {
  it('what the service hashes on comes first, the address where that is missing', () => {
    const urls = Array.from({ length: 16 }, (_, i) => `http://e${i}.test`)
    const balancer = new Balancer(config(urls, { policy: 'ip-hash', hashOn: { cookie: 'session' } }))
    const idOf = (request: object): string => {
      const lease = balancer.pick({ service: 'users', ...request })
      lease.end()
      return lease.endpoint.id
    }
    const byCookie = Array.from({ length: 20 }, (_, i) => {
      const headers = { cookie: `session=s${i}` }
      const id = idOf({ headers })
      for (const clientIp of ['10.0.0.1', '10.9.9.9', '2001:db8::1'])
        expect(idOf({ headers, clientIp })).toBe(id)
      return id
    })
    expect(new Set(byCookie).size).toBeGreaterThan(4)
    const byAddress = Array.from({ length: 20 }, (_, i) => idOf({ headers: {}, clientIp: `10.0.${i}.1` }))
    expect(new Set(byAddress).size).toBeGreaterThan(4)
  })
})
