/** What threads that share a balancer see of each other: one count, one cursor, one health, one budget. */
import { describe, expect, it } from 'vitest'
import type { BalancerStats } from '../../lib/index.js'
import { attach, configOf, ownBalancer, URLS, until } from '../support/attached.js'

type Counts = Record<string, number>

describe('threads that share a balancer', () => {
  it('count what is in flight as one: the least loaded is that of all of them', async () => {
    const balancer = ownBalancer(configOf({ policy: { name: 'least-request', choices: 'all' } }))
    const [one, other] = await attach(balancer, 2)
    // Twelve picks of three threads in turn are three on each of four endpoints only if each sees the others'.
    for (let round = 0; round < 4; round++) {
      await one.do('hold')
      await other.do('hold')
      balancer.pick('users')
    }
    const { endpoints, inFlight } = balancer.stats().services.users
    expect(inFlight).toBe(12)
    expect(Object.values(endpoints).map((endpoint) => endpoint.inFlight)).toEqual([3, 3, 3, 3])
    expect(withoutSilence(await other.do('stats'))).toEqual(withoutSilence(balancer.stats()))
    await one.do('release')
    expect(balancer.stats().services.users).toMatchObject({ inFlight: 8, succeeded: 4 })
  })

  it('keep to one limit of an endpoint, and to one of the service', async () => {
    const balancer = ownBalancer(configOf({ limits: { maxRequests: 6, perEndpoint: { maxRequests: 2 } } }))
    const threads = await attach(balancer, 2)
    await threads[0].do('hold', 3)
    await threads[1].do('hold', 3)
    expect(() => balancer.pick('users')).toThrow(/limits.maxRequests, 6, is reached/)
    await expect(threads[0].do('hold')).rejects.toMatchObject({ code: 'FAIRLEAD_OVERLOADED' })
    await threads[1].do('release')
    balancer.pick('users')
    expect(balancer.inFlight).toBe(4)
  })

  it('take turns exactly: four threads give each endpoint the same number, within one', async () => {
    const balancer = ownBalancer(
      configOf({ endpoints: [...URLS, 'http://e.test', 'http://f.test', 'http://g.test'] }),
    )
    const threads = await attach(balancer, 4)
    const counts = await Promise.all(threads.map((thread) => thread.do<Counts>('turns', 20_000)))
    const sums = Object.values(balancer.stats().services.users.endpoints).map(({ requests }) => requests)
    expect(sums.reduce((sum, n) => sum + n)).toBe(80_000)
    expect(Math.max(...sums) - Math.min(...sums)).toBeLessThanOrEqual(1)
    for (const each of counts) expect(Object.values(each).reduce((sum, n) => sum + n)).toBe(20_000)
  })

  it('see at once that another has ejected an endpoint, and any of them lets it be probed', async () => {
    const balancer = ownBalancer(
      configOf({ outlier: { baseConnectEjectionMs: 400, maxConnectEjectionMs: 400 } }),
    )
    const [one, other] = await attach(balancer, 2)
    expect(await one.do('failAt', URLS[0], 5, { ok: false })).toBe(0)
    expect(Object.keys(await other.do<Counts>('turns', 300))).not.toContain(URLS[0])
    expect(balancer.stats().services.users.endpoints[URLS[0]].state).toBe('ejected')
    // The thread that ejected it is gone; the time in shared memory is not.
    await one.terminate()
    await until(async () => URLS[0] in (await other.do<Counts>('turns', 4)))
    expect(balancer.stats().services.users.endpoints[URLS[0]].state).toBe('ready')
  })

  it('give the probe to one request of all threads; it is free again when its thread ends', async () => {
    const balancer = ownBalancer(
      configOf({ outlier: { baseConnectEjectionMs: 50, maxConnectEjectionMs: 50 } }),
    )
    const [one, other] = await attach(balancer, 2)
    await one.do('failAt', URLS[0], 5, { ok: false })
    const state = () => balancer.stats().services.users.endpoints[URLS[0]].state
    await until(() => state() === 'probing')
    expect(await one.do('hold', 1)).toEqual([URLS[0]])
    expect(Object.keys(await other.do<Counts>('turns', 100))).not.toContain(URLS[0])
    await one.terminate()
    await until(() => balancer.inFlight === 0)
    expect(await other.do('hold', 1)).toEqual([URLS[0]])
    await other.do('release')
    expect(state()).toBe('ready')
  })

  it('see what an operator has set in another', async () => {
    const balancer = ownBalancer()
    const [one, other] = await attach(balancer, 2)
    await one.do('set', URLS[1], { state: 'drain' })
    expect(Object.keys(await other.do<Counts>('turns', 100))).not.toContain(URLS[1])
    await other.do('set', URLS[1], { state: 'ready', weight: 7 })
    expect(balancer.stats().services.users.endpoints[URLS[1]]).toMatchObject({ state: 'ready', weight: 7 })
    expect((await one.do<BalancerStats>('stats')).services.users.endpoints[URLS[1]].weight).toBe(7)
  })

  it('spend one retry budget', async () => {
    const balancer = ownBalancer(configOf({ retry: { budget: { ratio: 0.2, minPerSecond: 1 } } }))
    const [one, other] = await attach(balancer, 2)
    expect(await one.do('withdrawAll')).toBe(10)
    expect(await other.do('withdrawAll')).toBe(0)
    expect(balancer.stats().services.users.retriesAvailable).toBe(0)
  })

  it('count every request once, over threads and over endpoints that have left', async () => {
    const balancer = ownBalancer(configOf({ outlier: false }))
    const threads = await attach(balancer, 3)
    const traffic = Promise.all([
      threads[0].do('turns', 30_000),
      threads[1].do('turns', 30_000, { status: 500 }),
      threads[2].do('turns', 30_000),
    ])
    const users = balancer.service('users')
    for (let i = 0; i < 20; i++) {
      users.add(`http://n${i}.test`)
      await new Promise((resolve) => setTimeout(resolve, 2))
      users.remove(`http://n${i}.test`)
    }
    await traffic
    await balancer.synced()
    const expected = { requests: 90_000, succeeded: 60_000, failed: 30_000, inFlight: 0 }
    expect(balancer.stats().services.users).toMatchObject({ ...expected, latencyMs: { count: 60_000 } })
    expect((await threads[1].do<BalancerStats>('stats')).services.users).toMatchObject(expected)
  })
})

describe('an attached balancer that stops', () => {
  it('only detaches: its own requests finish, the others go on', async () => {
    const balancer = ownBalancer()
    const [one, other] = await attach(balancer, 2)
    await one.do('hold', 3)
    await other.do('hold', 2)
    const stopped = one.do('stop', { drainMs: 10_000 })
    await expect(one.do('hold')).rejects.toMatchObject({ code: 'FAIRLEAD_STOPPED' })
    await one.do('release')
    await stopped
    expect(balancer.inFlight).toBe(2)
    expect(await other.do('hold', 1)).toHaveLength(1)
    balancer.pick('users')
  })

  it('leaves nothing in flight behind, and a lease that ends later changes nothing', async () => {
    const balancer = ownBalancer(configOf({ limits: { maxRequests: 5 } }))
    const [one] = await attach(balancer, 1)
    await one.do('hold', 5)
    await one.do('stop', { drainMs: 0 })
    expect(balancer.stats().services.users).toMatchObject({ inFlight: 0, cancelled: 5 })
    await one.do('release')
    expect(balancer.stats().services.users).toMatchObject({ inFlight: 0, cancelled: 5, succeeded: 0 })
    for (let i = 0; i < 5; i++) balancer.pick('users')
    expect(() => balancer.pick('users')).toThrow(/maxRequests/)
  })

  it('of the thread that made it stops for all; requests of the others finish first', async () => {
    const balancer = ownBalancer()
    const [one] = await attach(balancer, 1)
    await one.do('hold', 2)
    const order: string[] = []
    const stopped = balancer.stop({ drainMs: 10_000 }).then(() => order.push('stopped'))
    await expect(one.do('hold')).rejects.toMatchObject({ code: 'FAIRLEAD_STOPPED' })
    order.push('released')
    await one.do('release')
    await stopped
    expect(order).toEqual(['released', 'stopped'])
    expect(() => balancer.handle).toThrow(expect.objectContaining({ code: 'FAIRLEAD_STOPPED' }))
  })
})

/** Of requests that are unanswered, what policies see grows with time. */
function withoutSilence(stats: BalancerStats): object {
  const copy = structuredClone(stats) as { services: Record<string, { endpoints: Record<string, object> }> }
  for (const { endpoints } of Object.values(copy.services))
    for (const endpoint of Object.values(endpoints)) Object.assign(endpoint, { averageLatencyMs: 0 })
  return copy
}
