/** What is left of endpoints, options and loops that are gone: no connection, no timer, no word. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Balancer, ServiceConfig } from '../../lib/index.js'
import { balancerOver, startEndpoints as start, type TestEndpoint } from '../support/http-servers.js'
import { manualBalancer, named, REFUSING } from '../support/manual-balancer.js'
import { until } from '../support/until.js'

const configOf = (endpoints: readonly TestEndpoint[], service: Partial<ServiceConfig> = {}) => ({
  services: { users: { endpoints: endpoints.map(({ name, url }) => ({ id: name, url })), ...service } },
})

/** They keep idle connections for longer than a test may take: what closes one is on our side. */
async function startEndpoints(count: number): Promise<TestEndpoint[]> {
  const endpoints = await start(count)
  for (const endpoint of endpoints) endpoint.keepAliveMs = 600_000
  return endpoints
}

/** One request to each. */
async function warm(balancer: Balancer, endpoints: readonly TestEndpoint[]): Promise<void> {
  for (const _ of endpoints) await (await balancer.fetch('http://users/')).text()
  expect(endpoints.map(({ connections }) => connections)).toEqual(endpoints.map(() => 1))
}

describe('the idle connection of an endpoint', () => {
  const service: Partial<ServiceConfig> = { policy: 'round-robin' }
  const leaves: [string, (balancer: Balancer, endpoints: TestEndpoint[]) => unknown][] = [
    ['that was removed', (balancer) => balancer.service('users').remove('a')],
    ['that an update leaves out', (balancer, [, b]) => balancer.update(configOf([b], service))],
    [
      'whose URL is another one',
      (balancer, [a, b]) =>
        balancer.update(configOf([{ ...a, name: 'a', url: b.url } as TestEndpoint], service)),
    ],
    [
      'whose service left',
      (balancer) => balancer.update({ services: { other: { endpoints: ['http://127.0.0.1:1'] } } }),
    ],
  ]

  it.each(leaves)('%s is closed', async (_what, leave) => {
    const endpoints = await startEndpoints(2)
    const balancer = balancerOver(endpoints, service)
    await warm(balancer, endpoints)
    await leave(balancer, endpoints)
    await until(() => endpoints[0].connections === 0)
  })

  it('that stays is kept', async () => {
    const endpoints = await startEndpoints(2)
    const [a, b] = endpoints
    const balancer = balancerOver(endpoints, service)
    await warm(balancer, endpoints)
    balancer.service('users').remove('a')
    balancer.service('users').add({ id: 'a', url: a.url })
    await balancer.update(configOf([b], { ...service, limits: { maxRequests: 9 } }))
    await until(() => a.connections === 0)
    expect(b.connections).toBe(1)
  })

  it('is closed where the client options change: the next request opens one under the new ones', async () => {
    const endpoints = await startEndpoints(1)
    const [a] = endpoints
    const sockets = new Set<unknown>()
    const { handle } = a
    a.handle = (incoming, response) => {
      sockets.add(incoming.socket)
      handle(incoming, response)
    }
    const balancer = balancerOver(endpoints, service)
    await warm(balancer, endpoints)
    await balancer.update(configOf(endpoints, { ...service, client: { connections: 1 } }))
    await until(() => a.connections === 0)
    await warm(balancer, endpoints)
    // The same options again change nothing.
    await balancer.update(configOf(endpoints, { ...service, client: { connections: 1 } }))
    await warm(balancer, endpoints)
    expect(sockets.size).toBe(2)
  })

  it('that active checks use is closed with it, and those of all with the checks', async () => {
    const endpoints = await startEndpoints(2)
    const [a, b] = endpoints
    const checked: Partial<ServiceConfig> = { ...service, health: { http: { path: '/' }, interval: 60_000 } }
    const balancer = balancerOver(endpoints, checked)
    // Idle, that is: a check under way would be aborted, and take its connection along.
    let passed = 0
    balancer.on('endpoint', ({ type }) => type === 'healthy' && passed++)
    await balancer.start()
    await until(() => passed === 2)
    expect([a.connections, b.connections]).toEqual([1, 1])
    balancer.service('users').remove('a')
    await until(() => a.connections === 0)
    const before = a.requests
    await balancer.update(configOf([b], service))
    await until(() => b.connections === 0)
    expect(a.requests).toBe(before)
  })

  it('that probes use is closed with it', async () => {
    const endpoints = await startEndpoints(2)
    const [a, b] = endpoints
    const balancer = balancerOver(endpoints, { policy: { name: 'prequal', probePath: '/load' } })
    const probe = async () => {
      balancer.pick('users').end()
      await sleep(1)
      return a.connections === 1 && b.connections === 1
    }
    await until(probe)
    balancer.service('users').remove('a')
    await until(() => a.connections === 0)
    expect(b.connections).toBe(1)
    await balancer.stop({ drainMs: 0 })
    await until(() => b.connections === 0)
  })
})

describe('an attempt to connect to an endpoint that nobody can reach', () => {
  const EJECTION_MS = 10_000
  const RECONNECT_MS = 1_000
  const service: Partial<ServiceConfig> = {
    outlier: { consecutiveLocalOrigin: 1, baseConnectEjectionMs: EJECTION_MS, reconnectMs: RECONNECT_MS },
    retry: { attempts: 1 },
  }

  /** `a` is ejected, and an attempt to connect to it is under way; `settle` ends it. */
  async function connecting() {
    const made = manualBalancer([REFUSING, ...(await startEndpoints(2)).slice(1)], {
      ...service,
      policy: 'round-robin',
    })
    const { balancer, machine, users } = made
    const attempts: ((ok: boolean) => void)[] = []
    machine.check = ({ id }) => {
      expect(id).toBe('a')
      return new Promise((resolve) => attempts.push((ok) => resolve({ ok, latencyMs: 1, detail: '' })))
    }
    for (let i = 0; i < 2; i++) await (await balancer.fetch('http://users/')).text()
    expect(users().endpoints['a'].state).toBe('ejected')
    await machine.advance(1.2 * RECONNECT_MS)
    expect(attempts).toHaveLength(1)
    const settle = async (ok: boolean) => {
      attempts.at(-1)?.(ok)
      await machine.advance(0)
    }
    return { ...made, attempts, settle }
  }

  it('that succeeds brings its probe forward', async () => {
    const { events, settle } = await connecting()
    await settle(true)
    expect(events.at(-1)).toBe('a probing')
  })

  it('that fails is made again after the interval, and not before', async () => {
    const { machine, attempts, settle } = await connecting()
    await settle(false)
    await machine.advance(0.8 * RECONNECT_MS)
    expect(attempts).toHaveLength(1)
    await machine.advance(0.4 * RECONNECT_MS)
    expect(attempts).toHaveLength(2)
  })

  it.each([true, false])(
    'says nothing any more where the balancer stops meanwhile (it succeeds: %s)',
    async (ok) => {
      const { balancer, machine, attempts, events, settle } = await connecting()
      const before = [...events]
      await balancer.stop({ drainMs: 0 })
      await settle(ok)
      expect(machine.pending).toBe(0)
      await machine.advance(2 * EJECTION_MS)
      expect(attempts).toHaveLength(1)
      expect(events).toEqual(before)
    },
  )

  it.each([true, false])(
    'says nothing any more where the endpoint leaves meanwhile (it succeeds: %s)',
    async (ok) => {
      const { balancer, machine, attempts, events, settle } = await connecting()
      balancer.service('users').remove('a')
      await settle(ok)
      await machine.advance(2 * EJECTION_MS)
      expect(attempts).toHaveLength(1)
      expect(events.at(-1)).toBe('a removed')
      expect(machine.pending).toBe(0)
    },
  )

  it('is not made where the balancer stops before it is due', async () => {
    const { balancer, machine, settle } = await connecting()
    await settle(false)
    expect(machine.pending).toBeGreaterThan(0)
    await balancer.stop({ drainMs: 0 })
    expect(machine.pending).toBe(0)
  })

  it('is the last one where the ejection ends before it does', async () => {
    const { machine, attempts, events, settle } = await connecting()
    await machine.advance(EJECTION_MS)
    expect(events.at(-1)).toBe('a probing')
    const before = [...events]
    await settle(false)
    await machine.advance(3 * RECONNECT_MS)
    expect(attempts).toHaveLength(1)
    expect(events).toEqual(before)
  })
})

describe('a balancer that has stopped', () => {
  it('leaves no timer of any loop behind', async () => {
    const { balancer, machine } = manualBalancer(named('a', 'b', 'c', 'd'), {
      health: { http: { path: '/' }, interval: 1_000 },
      slowStart: { windowMs: 10_000 },
      outlier: { consecutiveLocalOrigin: 1, consecutive5xx: 1 },
    })
    await balancer.start()
    await machine.advance(3_000)
    const held = balancer.pick('users')
    balancer.pick('users').end({ ok: false })
    balancer.pick('users').end({ status: 500 })
    expect(machine.pending).toBeGreaterThan(0)
    await balancer.stop({ drainMs: 0 })
    held[Symbol.dispose]()
    await machine.advance(60_000)
    expect(machine.pending).toBe(0)
  })

  it.each([
    ['asks to be left alone', 429, { 'retry-after': '20' }],
    ['fails', 500, {}],
  ])('begins none for a last answer that %s', async (_what, status, headers) => {
    const endpoints = await startEndpoints(2)
    const held: (() => void)[] = []
    for (const endpoint of endpoints)
      endpoint.handle = (_, response) => held.push(() => response.writeHead(status, headers).end())
    const { balancer, machine } = manualBalancer(endpoints, { outlier: { consecutive5xx: 1 }, retry: false })
    const answer = balancer.fetch('http://users/')
    await until(() => held.length === 1)
    const stopped = balancer.stop({ drainMs: 60_000 })
    held[0]()
    expect((await answer).status).toBe(status)
    await stopped
    expect(machine.pending).toBe(0)
  })
})
