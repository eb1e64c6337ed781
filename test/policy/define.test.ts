/** Policies of users' own: what they get, and what happens when they go wrong. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  ArgumentError,
  Balancer,
  type BalancerConfig,
  ConfigError,
  definePolicy,
  type Endpoint,
  type PolicyDefinition,
  type PolicyEndpoints,
  PolicyError,
} from '../../lib/index.js'

const balancers: Balancer[] = []
afterEach(async () => {
  await Promise.all(balancers.splice(0).map((balancer) => balancer.stop({ drainMs: 0 })))
})

const ENDPOINTS = ['http://10.0.0.1:8080', 'http://10.0.0.2:8080', 'http://10.0.0.3:8080']

function under(
  definition: PolicyDefinition,
  rest: Partial<BalancerConfig['services'][string]> = {},
  options?: Record<string, unknown>,
): Balancer {
  const name = definePolicy('mine', definition)
  const balancer = new Balancer({
    seed: 1,
    services: { users: { endpoints: ENDPOINTS, ...rest, policy: options ? { name, options } : name } },
  })
  balancers.push(balancer)
  return balancer
}

const always = (choice: unknown): PolicyDefinition => ({ picker: () => () => choice as Endpoint })

describe('definePolicy', () => {
  it('chooses, with the loads, the request and its options before it', () => {
    let seen: PolicyEndpoints | undefined
    const balancer = under(
      {
        picker(view, { order }) {
          seen = view
          const byLoad = (a: Endpoint, b: Endpoint) => view.inFlight(a) - view.inFlight(b)
          return ({ region }) =>
            region === 'first' ? view.endpoints[0] : [...view.endpoints].sort(byLoad)[order as number]
        },
      },
      {},
      { order: 0 },
    )
    const ids = () => balancer.pick('users').endpoint.id
    expect([ids(), ids(), ids()].sort()).toEqual(ENDPOINTS)
    expect(balancer.pick({ service: 'users', region: 'first' }).endpoint.id).toBe(ENDPOINTS[0])
    const [first] = seen!.endpoints
    expect([seen!.inFlight(first), seen!.health(first), seen!.weight(first)]).toEqual([2, 1, 1])
    // What an endpoint that has not answered yet is taken for, or its silence.
    expect(seen!.latencyMs(first)).toBeGreaterThan(0)
    expect(seen!.random()).toBeGreaterThanOrEqual(0)
    expect(seen!.random()).toBeLessThan(1)
    expect(seen!.now()).toBeGreaterThan(0)
    expect(() => seen!.inFlight({ ...first })).toThrow(/is not an endpoint of this view/)
    expect(Object.isFrozen(seen) && Object.isFrozen(seen!.endpoints)).toBe(true)
  })

  it('gets a new view when an endpoint drains, and never sees that one again', () => {
    let views = 0
    const balancer = under({
      picker: (view) => {
        views++
        return () => view.endpoints[0]
      },
    })
    expect(balancer.pick('users').endpoint.id).toBe(ENDPOINTS[0])
    balancer.service('users').set(ENDPOINTS[0], { state: 'drain' })
    expect(balancer.pick('users').endpoint.id).toBe(ENDPOINTS[1])
    expect(views).toBe(2)
  })

  it('leaves the choice to least-request where it returns undefined', () => {
    const balancer = under(always(undefined))
    for (let i = 0; i < 300; i++) balancer.pick('users')
    const { endpoints } = balancer.stats().services.users
    for (const { inFlight } of Object.values(endpoints)) expect(Math.abs(inFlight - 100)).toBeLessThan(5)
  })

  it('has the next endpoint taken where its choice is at its limit', () => {
    const balancer = under(
      { picker: (view) => () => view.endpoints[1] },
      { limits: { perEndpoint: { maxRequests: 2 } } },
    )
    const ids = Array.from({ length: 6 }, () => balancer.pick('users').endpoint.id)
    const [a, b, c] = ENDPOINTS
    expect(ids).toEqual([b, b, c, c, a, a])
    expect(() => balancer.pick('users')).toThrow(/limits.perEndpoint.maxRequests/)
  })

  it.each([
    ['a promise', Promise.resolve(), /chose a promise \(a policy chooses at once\)/],
    ['null', null, /chose null/],
    ['a position', 1, /chose 1/],
    ['a URL', ENDPOINTS[0], /chose "http:/],
    [
      'an endpoint of the same id that is not the view’s',
      { id: ENDPOINTS[0] },
      /chose an endpoint "http.*" that is not in its view/,
    ],
    [
      'an object that throws when it is looked at',
      new Proxy(
        {},
        {
          get: () => {
            throw new Error('no')
          },
        },
      ),
      /chose an object/,
    ],
    ['a symbol', Symbol('x'), /chose symbol/],
    ['a function', () => ENDPOINTS[0], /chose a function/],
  ])('throws PolicyError where it returns %s, and takes no place', (_, choice, message) => {
    const balancer = under(always(choice), { limits: { maxRequests: 1 } })
    for (let i = 0; i < 3; i++) {
      expect(() => balancer.pick('users')).toThrow(PolicyError)
      expect(() => balancer.pick('users')).toThrow(message)
    }
    expect(balancer.stats().services.users.inFlight).toBe(0)
  })

  it('throws PolicyError, with the cause, where it throws: when it chooses, when it is given a view', () => {
    const cause = new Error('division by zero')
    const failing = () => {
      throw cause
    }
    for (const definition of [{ picker: () => failing }, { picker: failing }] as PolicyDefinition[]) {
      const balancer = under(definition, { limits: { maxRequests: 1 } })
      const pick = vi.fn(() => balancer.pick('users'))
      for (let i = 0; i < 3; i++)
        expect(pick).toThrow(expect.objectContaining({ code: 'FAIRLEAD_POLICY', cause }))
      expect(balancer.stats().services.users.inFlight).toBe(0)
    }
  })

  it('goes on after a request for which it threw', () => {
    let calls = 0
    const balancer = under({
      picker: (view) => () => {
        if (calls++ % 2 === 0) throw new Error('odd')
        return view.endpoints[2]
      },
    })
    expect(() => balancer.pick('users')).toThrow(/Policy "mine" threw: odd/)
    expect(balancer.pick('users').endpoint.id).toBe(ENDPOINTS[2])
  })

  it('throws PolicyError where `picker` returns no function', () => {
    const balancer = under({ picker: (() => 'round-robin') as never })
    expect(() => balancer.pick('users')).toThrow(/gave "round-robin" in the place of a function/)
  })

  it('rejects a request through the client with the same error', async () => {
    const balancer = under(always(null))
    await expect(balancer.fetch('http://users/')).rejects.toThrow(PolicyError)
  })

  it('refuses names and definitions that cannot be', () => {
    const right = always(undefined)
    expect(() => definePolicy('maglev', right)).toThrow(/a policy of fairlead's own/)
    for (const name of ['', 'Mine', '1st', 'a b', 'x'.repeat(65), 7 as never, '__proto__'])
      expect(() => definePolicy(name, right)).toThrow(ArgumentError)
    for (const definition of [undefined, null, {}, { picker: 1 }])
      expect(() => definePolicy('mine', definition as never)).toThrow(/no function `picker/)
    expect(() => definePolicy('mine', { ...right, latency: 'fast' as never })).toThrow(
      /takes 'plain' or 'peak'/,
    )
  })

  it('is unknown to a configuration until it is defined, and its options are plain data', () => {
    const config = (policy: unknown) => ({ services: { users: { endpoints: ENDPOINTS, policy } } }) as never
    expect(() => new Balancer(config('never-defined'))).toThrow(/registered by `definePolicy` in each thread/)
    definePolicy('mine', always(undefined))
    expect(() => new Balancer(config({ name: 'mine', optoins: {} }))).toThrow(
      /policy.optoins: unknown key `optoins`; did you mean `options`/,
    )
    expect(() => new Balancer(config({ name: 'mine', options: 3 }))).toThrow(ConfigError)
    expect(() => new Balancer(config({ name: 'mine', options: { f: () => 1 } }))).toThrow(/is a function/)
    expect(() => new Balancer(config('mines'))).toThrow(/did you mean `mine`/)
  })
})
