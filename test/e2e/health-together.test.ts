/** Active checks, ejection, limits, probes and new client options in one service: each leaves the others what is theirs. */
import { describe, expect, it } from 'vitest'
import type { Balancer, ServiceConfig } from '../../lib/index.js'
import { answering, balancerOver, startEndpoints } from '../support/http-servers.js'
import { manualBalancer, named, REFUSING } from '../support/manual-balancer.js'
import { until } from '../support/until.js'

const INTERVAL_MS = 1_000
const EJECTION_MS = 60_000
const health = { tcp: true, interval: INTERVAL_MS, timeout: 500, rise: 2, fall: 2, jitter: 0 } as const
const outlier = {
  consecutiveLocalOrigin: 1,
  consecutive5xx: 1,
  baseConnectEjectionMs: EJECTION_MS,
  maxConnectEjectionMs: EJECTION_MS,
  baseEjectionMs: EJECTION_MS,
}

async function checked(service: Partial<ServiceConfig> = {}) {
  const made = manualBalancer(named('a', 'b', 'c'), { policy: 'round-robin', health, outlier, ...service })
  const { balancer, machine, users } = made
  const dead = new Set<string>()
  const asked: string[] = []
  machine.check = async ({ id }) => {
    asked.push(id)
    return { ok: !dead.has(id), latencyMs: 1, detail: 'by the test' }
  }
  await balancer.start()
  const stateOf = (id: string) => users().endpoints[id].state
  /** Requests until one was to `id`, which ends as told. */
  const send = (id: string, outcome: object) => {
    for (let i = 0; i < 6; i++) {
      const lease = balancer.pick('users')
      const isTheOne = lease.endpoint.id === id
      lease.end(isTheOne ? outcome : undefined)
      if (isTheOne) return
    }
    throw new Error(`${id} gets no request`)
  }
  const rounds = (count: number) => machine.advance(count * INTERVAL_MS)
  return { ...made, dead, asked, stateOf, send, rounds }
}

/** No connection: nothing was sent. */
async function refused(service: Partial<ServiceConfig>) {
  const endpoints = [REFUSING, ...(await startEndpoints(2)).slice(1)]
  const made = manualBalancer(endpoints, { policy: 'round-robin', outlier, ...service })
  let isUp = false
  let asked = 0
  made.machine.check = async ({ id }) => {
    if (id === 'a') asked++
    return { ok: isUp || id !== 'a', latencyMs: 1, detail: 'by the test' }
  }
  await made.balancer.start()
  for (let i = 0; i < 2; i++) await (await made.balancer.fetch('http://users/')).text()
  const up = () => {
    isUp = true
  }
  return { ...made, up, asked: () => asked, stateOf: () => made.users().endpoints['a'].state }
}

describe('active checks beside ejection', () => {
  it('an endpoint that nobody can reach is back with the first passing check', async () => {
    const { stateOf, machine, up } = await refused({ health })
    expect(stateOf()).toBe('ejected')
    await machine.advance(INTERVAL_MS)
    expect(stateOf()).not.toBe('ready')
    up()
    await machine.advance(3 * INTERVAL_MS)
    expect(stateOf()).toBe('ready')
  })

  it('take the place of attempts to connect: one a round, and none more', async () => {
    const [withChecks, without] = [await refused({ health }), await refused({})]
    for (const one of [withChecks, without]) await one.machine.advance(10 * INTERVAL_MS)
    expect(withChecks.asked()).toBeGreaterThanOrEqual(10)
    expect(withChecks.asked()).toBeLessThanOrEqual(11)
    expect(without.asked()).toBeGreaterThanOrEqual(8)
  })

  it('that pass all along do not end what requests have found: 5xx, lost connections', async () => {
    for (const outcome of [{ status: 500 }, { ok: false }]) {
      const { stateOf, send, rounds } = await checked()
      await rounds(3)
      send('a', outcome)
      expect(stateOf('a')).toBe('ejected')
      await rounds(5)
      expect(stateOf('a')).toBe('ejected')
    }
  })

  it('that begin to pass end an ejection after lost connections, and none after 5xx', async () => {
    for (const [outcome, then] of [
      [{ ok: false }, 'ready'],
      [{ status: 500 }, 'ejected'],
    ] as const) {
      const { stateOf, send, rounds, dead } = await checked()
      await rounds(3)
      send('a', outcome)
      dead.add('a')
      await rounds(3)
      expect(stateOf('a')).toBe('unhealthy')
      dead.delete('a')
      await rounds(3)
      expect(stateOf('a')).toBe(then)
    }
  })

  it.each([
    ['gateway errors', { status: 502 }, { consecutiveGatewayErrors: 3 }],
    ['lost connections', { ok: false }, { consecutiveLocalOrigin: 3 }],
  ])(
    'that bring an endpoint back after %s let it begin anew: its run counts from 0',
    async (_what, outcome, limit) => {
      const { stateOf, send, rounds, dead } = await checked({
        outlier: { ...outlier, consecutive5xx: 0, ...limit },
      })
      await rounds(3)
      for (let i = 0; i < 3; i++) send('a', outcome)
      expect(stateOf('a')).toBe('ejected')
      dead.add('a')
      await rounds(3)
      dead.delete('a')
      await rounds(3)
      expect(stateOf('a')).toBe('ready')
      for (let i = 0; i < 2; i++) send('a', outcome)
      expect(stateOf('a')).toBe('ready')
      send('a', outcome)
      expect(stateOf('a')).toBe('ejected')
    },
  )

  it('that fail keep an endpoint out whose ejection is over: no request probes it', async () => {
    const { stateOf, send, rounds, dead, machine, balancer } = await checked()
    await rounds(3)
    send('a', { status: 500 })
    dead.add('a')
    await machine.advance(EJECTION_MS + INTERVAL_MS)
    expect(stateOf('a')).toBe('unhealthy')
    for (let i = 0; i < 6; i++) {
      const lease = balancer.pick('users')
      expect(lease.endpoint.id).not.toBe('a')
      lease.end()
    }
    dead.delete('a')
    await rounds(3)
    send('a', { status: 200 })
    expect(stateOf('a')).toBe('ready')
  })

  it('leave an endpoint under maintenance alone, and come back to it', async () => {
    const { balancer, asked, rounds } = await checked()
    await rounds(2)
    balancer.service('users').set('a', { state: 'maint' })
    asked.length = 0
    await rounds(3)
    expect(asked).not.toContain('a')
    expect(asked).toContain('b')
    balancer.service('users').set('a', { state: 'ready' })
    await rounds(3)
    expect(asked).toContain('a')
  })
})

describe('a limit beside a probe', () => {
  it('a service at its limit makes no probe, and loses none', async () => {
    const { balancer, machine, stateOf, send, users } = await checked({
      health: undefined,
      limits: { maxRequests: 2 },
    })
    send('a', { ok: false })
    expect(stateOf('a')).toBe('ejected')
    const held = [balancer.pick('users'), balancer.pick('users')]
    await machine.advance(EJECTION_MS + 1)
    for (let i = 0; i < 3; i++)
      expect(() => balancer.pick('users')).toThrow(expect.objectContaining({ code: 'FAIRLEAD_OVERLOADED' }))
    held[0].end()
    const probe = balancer.pick('users')
    expect(probe.endpoint.id).toBe('a')
    probe.end()
    held[1].end()
    expect(users()).toMatchObject({ inFlight: 0 })
    expect(stateOf('a')).toBe('ready')
    // All places are free again.
    for (const lease of [balancer.pick('users'), balancer.pick('users')]) lease.end()
  })

  it('a probe that fails gives its places back, and the endpoint another time out', async () => {
    const { balancer, machine, stateOf, send } = await checked({
      health: undefined,
      limits: { maxRequests: 1, perEndpoint: { maxRequests: 1 } },
    })
    send('a', { ok: false })
    for (let i = 0; i < 3; i++) {
      await machine.advance(EJECTION_MS + 1)
      const probe = balancer.pick('users')
      expect(probe.endpoint.id).toBe('a')
      probe.end({ ok: false })
      expect(stateOf('a')).toBe('ejected')
    }
    await machine.advance(EJECTION_MS + 1)
    balancer.pick('users').end()
    expect(stateOf('a')).toBe('ready')
  })
})

describe('new client options', () => {
  /** Requests go on until the endpoint was asked with this Host header, and with no other. */
  const askedAs = async (balancer: Balancer, hosts: Set<string>, host: string) => {
    hosts.clear()
    await until(() => {
      balancer.pick('users').end()
      return hosts.size > 0
    })
    expect([...hosts]).toEqual([host])
  }

  it.each([
    ['probes', { policy: { name: 'prequal', probePath: '/load' } }],
    ['active checks', { health: { http: { path: '/load' }, interval: 20 } }],
  ] as [string, Partial<ServiceConfig>][])('are those of %s as well', async (_what, service) => {
    const endpoints = await startEndpoints(2)
    const [a] = endpoints
    const hosts = new Set<string>()
    const sockets = new Set<unknown>()
    a.handle = (incoming, response) => {
      if (incoming.url === '/load') {
        hosts.add(incoming.headers.host as string)
        sockets.add(incoming.socket)
      }
      answering('a')(incoming, response)
    }
    const balancer = balancerOver(endpoints, service)
    await balancer.start()
    await askedAs(balancer, hosts, a.host)
    const configOf = (client: ServiceConfig['client']) => ({
      services: {
        users: { endpoints: endpoints.map(({ name, url }) => ({ id: name, url })), ...service, client },
      },
    })
    await balancer.update(configOf({ host: 'service' }))
    await askedAs(balancer, hosts, 'users')
    expect(sockets.size).toBe(2)
    // The old connection is closed, and nothing opens another one beside the new.
    await until(() => a.connections === 1)
    await balancer.update(configOf({ host: 'service' }))
    await askedAs(balancer, hosts, 'users')
    expect(sockets.size).toBe(2)
  })
})
