import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Balancer, OverloadedError } from '../../lib/index.js'
import type { AcquireOptions, Lease, ServiceConfig } from '../../lib/model/index.js'
import { startEndpoints } from '../support/http-servers.js'
import { until } from '../support/until.js'

const ENDPOINTS = ['http://127.0.0.1:1', 'http://127.0.0.1:2']
const ONE_EACH = { perEndpoint: { maxRequests: 1 } }

function balancerOf(rest: Partial<ServiceConfig> = {}): Balancer {
  const balancer = new Balancer({
    services: { users: { endpoints: ENDPOINTS, limits: ONE_EACH, queue: { discipline: 'fifo' }, ...rest } },
  })
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

/** A wait that the test leaves behind fails when its balancer is stopped. */
function acquire(balancer: Balancer, options?: AcquireOptions): Promise<Lease> {
  const lease = balancer.acquire('users', options)
  lease.catch(() => {})
  return lease
}

const fill = (balancer: Balancer): Lease[] => [balancer.pick('users'), balancer.pick('users')]
const settled = async (promise: Promise<Lease>): Promise<string> =>
  Promise.race([promise.then(({ endpoint }) => endpoint.id), sleep(0).then(() => 'waits')])

describe('acquire', () => {
  test('gives a place at once where there is one', async () => {
    const balancer = balancerOf()
    const leases = [await acquire(balancer), await balancer.acquire({ service: 'users', key: 'a' })]
    expect(leases.map(({ endpoint }) => endpoint.id).sort()).toEqual([
      'http://127.0.0.1:1',
      'http://127.0.0.1:2',
    ])
    for (const lease of leases) lease.end({ ok: true })
    expect(balancer.inFlight).toBe(0)
  })

  test('waits for a place, in order, and nobody takes one before those who wait', async () => {
    const balancer = balancerOf()
    const [a, b] = fill(balancer)
    const [first, second] = [acquire(balancer), acquire(balancer)]
    expect(await settled(first)).toBe('waits')
    expect(() => balancer.pick('users')).toThrow(/2 requests wait for a place before it/)
    a.end({ ok: true })
    expect(await settled(first)).toBe(a.endpoint.id)
    expect(await settled(second)).toBe('waits')
    expect(() => balancer.pick('users')).toThrow(OverloadedError)
    b.end({ ok: true })
    expect(await settled(second)).toBe(b.endpoint.id)
    for (const lease of [await first, await second]) lease.end({ ok: true })
    balancer.pick('users').end({ ok: true })
    expect(balancer.inFlight).toBe(0)
  })

  test('a limit of the whole service makes them wait as well', async () => {
    const balancer = balancerOf({ limits: { maxRequests: 1 } })
    const lease = balancer.pick('users')
    const next = acquire(balancer)
    expect(await settled(next)).toBe('waits')
    lease.end({ ok: true })
    ;(await next).end({ ok: true })
  })

  test('a lower priority goes first', async () => {
    const balancer = balancerOf()
    const [a] = fill(balancer)
    const usual = acquire(balancer)
    const urgent = acquire(balancer, { priority: 0 })
    a.end({ ok: true })
    expect([await settled(urgent), await settled(usual)]).toEqual([a.endpoint.id, 'waits'])
  })

  test('a signal ends the wait with its reason, and the next one gets the place', async () => {
    const balancer = balancerOf()
    const [a] = fill(balancer)
    const caller = new AbortController()
    const left = acquire(balancer, { signal: caller.signal })
    const next = acquire(balancer)
    const reason = new Error('enough')
    caller.abort(reason)
    await expect(left).rejects.toBe(reason)
    a.end({ ok: true })
    expect(await settled(next)).toBe(a.endpoint.id)
    await expect(acquire(balancer, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('an aborted signal after the place was given changes nothing', async () => {
    const balancer = balancerOf()
    const [a] = fill(balancer)
    const caller = new AbortController()
    const next = acquire(balancer, { signal: caller.signal })
    a.end({ ok: true })
    const lease = await next
    caller.abort()
    expect(lease.ended).toBe(false)
    expect(balancer.inFlight).toBe(2)
  })

  test('no place in time is an OverloadedError that says when to come again', async () => {
    const balancer = balancerOf({ queue: { deadlineMs: 30 } })
    fill(balancer)
    await expect(acquire(balancer)).rejects.toMatchObject({
      code: 'FAIRLEAD_OVERLOADED',
      message: expect.stringContaining('no place became free within 30 ms'),
      retryAfterMs: expect.any(Number),
    })
    expect(balancer.stats().services['users'].endpoints['http://127.0.0.1:1'].inFlight).toBe(1)
  })

  test('a full queue refuses, as does one that is switched off', async () => {
    const balancer = balancerOf({ queue: { limit: 1 } })
    fill(balancer)
    acquire(balancer)
    await expect(acquire(balancer)).rejects.toThrow(/1 requests wait for a place; queue.limit is 1/)
    const without = balancerOf({ queue: { limit: 0 } })
    fill(without)
    await expect(without.acquire('users')).rejects.toThrow(/2 usable endpoints are at their limits/)
  })

  test('a deadline that cannot be met is not waited for', async () => {
    const balancer = balancerOf()
    for (const lease of fill(balancer)) lease.end({ ok: true, latencyMs: 200 })
    fill(balancer)
    await expect(acquire(balancer, { deadlineMs: 10 })).rejects.toThrow(
      /an answer takes \d+ ms, and the deadline is in 10 ms/,
    )
    expect(await settled(acquire(balancer, { deadlineMs: 5_000 }))).toBe('waits')
  })

  test('while the queue has not been empty for ten answers, nobody waits longer than half of one, if callers are impatient', async () => {
    const balancer = balancerOf({ queue: { discipline: 'codel', deadlineMs: 60_000 } })
    fill(balancer)
    const first = acquire(balancer)
    const early = acquire(balancer)
    // An answer is taken to be 30 ms until there is one.
    await sleep(350)
    const patient = acquire(balancer)
    expect(await settled(patient)).toBe('waits')
    await expect(acquire(balancer, { deadlineMs: 9_000 })).rejects.toThrow(
      /no place became free within 15 ms/,
    )
    // Whoever comes now meets the same.
    await expect(acquire(balancer)).rejects.toThrow(/no place became free within 15 ms/)
    expect([await settled(first), await settled(early)]).toEqual(['waits', 'waits'])
    await balancer.stop({ drainMs: 0 })
    await expect(first).rejects.toThrow(/stopped/)
    await expect(early).rejects.toThrow(/stopped/)
    await expect(patient).rejects.toThrow(/stopped/)
  })

  test('an endpoint that is added, or has more room, takes those who wait', async () => {
    const balancer = balancerOf()
    fill(balancer)
    const [first, second] = [acquire(balancer), acquire(balancer)]
    await balancer.service('users').add('http://127.0.0.1:3')
    expect(await settled(first)).toBe('http://127.0.0.1:3')
    await balancer.update({
      services: {
        users: {
          endpoints: [...ENDPOINTS, 'http://127.0.0.1:3'],
          limits: { perEndpoint: { maxRequests: 2 } },
        },
      },
    })
    expect(await settled(second)).not.toBe('waits')
  })

  test('a subset is waited for, whatever else is free', async () => {
    const balancer = new Balancer({
      services: {
        users: {
          endpoints: ENDPOINTS.map((url, i) => ({ url, priority: i, metadata: { tier: `${i}` } })),
          limits: ONE_EACH,
          subsets: { selectors: [['tier']] },
          queue: { discipline: 'fifo' },
        },
      },
    })
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    const only = (tier: string) => ({ service: 'users', subset: { tier } })
    const [a, b] = [balancer.pick(only('0')), balancer.pick(only('1'))]
    const waiting = balancer.acquire(only('1'))
    expect(await settled(waiting)).toBe('waits')
    b.end({ ok: true })
    expect(await settled(waiting)).toBe(b.endpoint.id)
    for (const lease of [a, await waiting]) lease.end({ ok: true })
    expect(balancer.inFlight).toBe(0)
  })

  test('those who wait for a service that leaves fail', async () => {
    const balancer = balancerOf()
    fill(balancer)
    const waiting = acquire(balancer)
    await balancer.update({ services: {} })
    await expect(waiting).rejects.toMatchObject({ code: 'FAIRLEAD_NO_ENDPOINT' })
  })

  test('nothing usable is not worth a wait', async () => {
    const balancer = balancerOf()
    await balancer.service('users').set('http://127.0.0.1:1', { state: 'maint' })
    await balancer.service('users').set('http://127.0.0.1:2', { state: 'maint' })
    await expect(acquire(balancer)).rejects.toMatchObject({ code: 'FAIRLEAD_NO_ENDPOINT' })
  })

  test.each([
    [{ deadlineMs: -1 }, /deadlineMs is -1/],
    [{ priority: 4 }, /priority is 4/],
    [{ signal: 1 as unknown as AbortSignal }, /signal is 1/],
  ])('refuses %j', async (options, message) => {
    await expect(balancerOf().acquire('users', options)).rejects.toThrow(message)
  })

  test('an unknown service is refused by rejecting', async () => {
    await expect(balancerOf().acquire('nobody')).rejects.toMatchObject({ code: 'FAIRLEAD_UNKNOWN_SERVICE' })
  })
})

describe('fetch', () => {
  test('waits for a place where all are taken, and its abort gives the wait up', async () => {
    const [a] = await startEndpoints(1)
    const open: (() => void)[] = []
    a.handle = (_, response) => void open.push(() => response.end('ok'))
    const balancer = new Balancer({
      services: { users: { endpoints: [a.url], limits: ONE_EACH, queue: { deadlineMs: 60_000 } } },
    })
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    const first = balancer.fetch('http://users/1')
    await until(() => open.length === 1)
    const caller = new AbortController()
    const left = balancer.fetch('http://users/2', { signal: caller.signal })
    const third = balancer.fetch('http://users/3')
    await until(() => balancer.stats().services['users'].queue.waiting === 2)
    caller.abort(new Error('enough'))
    await expect(left).rejects.toThrow('enough')
    open[0]()
    expect(await (await first).text()).toBe('ok')
    await until(() => open.length === 2)
    open[1]()
    expect((await third).status).toBe(200)
    expect(open).toHaveLength(2)
    await until(() => balancer.inFlight === 0)
  })
})
