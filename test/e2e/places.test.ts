/** Every place that a request takes, and every claim to probe or to look, is given back on whatever way it ends. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { definePolicy, type ServiceConfig } from '../../lib/index.js'
import { answering, balancerOver, startEndpoints } from '../support/http-servers.js'
import { manualBalancer, named } from '../support/manual-balancer.js'
import { until } from '../support/until.js'

const MOST = 2
const OVERLOADED = expect.objectContaining({ code: 'FAIRLEAD_OVERLOADED' })

/** As many places as the limit says are free, and no more. */
function expectAllFree({ pick }: { pick(service: string): { end(): void } }): void {
  const leases = Array.from({ length: MOST }, () => pick('users'))
  expect(() => pick('users')).toThrow(OVERLOADED)
  for (const lease of leases) lease.end()
}

const free = (balancer: { pick(service: string): { end(): void } }) =>
  expectAllFree({ pick: (service) => balancer.pick(service) })

describe('a place of the service is free again', () => {
  const limits = { maxRequests: MOST }

  it.each([
    ['a status', () => answering('sick', 503)],
    ['a loss', () => (incoming: { socket: { destroy(): void } }) => void incoming.socket.destroy()],
  ])('where a retry after %s finds no other endpoint', async (_what, handler) => {
    const [a] = await startEndpoints(1)
    a.handle = handler() as never
    const balancer = balancerOver([a], { limits, outlier: false, retry: { backoffBaseMs: 0 } })
    for (let i = 0; i < 2 * MOST; i++) await balancer.fetch('http://users/').catch(() => {})
    free(balancer)
  })

  it('where a request that nobody would take has asked every endpoint', async () => {
    const endpoints = await startEndpoints(2)
    for (const endpoint of endpoints) await endpoint.kill()
    const balancer = balancerOver(endpoints, { limits, outlier: false })
    for (let i = 0; i < 2 * MOST; i++) await expect(balancer.fetch('http://users/')).rejects.toThrow()
    free(balancer)
  })

  it('where a retry finds every place taken, and fails as the first try did', async () => {
    const endpoints = await startEndpoints(2)
    for (const endpoint of endpoints) endpoint.handle = answering('sick', 503)
    const BACKOFF_MS = 7_777
    const CHANCE = 0.75
    const random = vi.spyOn(Math, 'random').mockReturnValue(CHANCE)
    const { setTimeout: original } = globalThis
    let retry: (() => void) | undefined
    const timers = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((fn: () => void, ms: number) => {
      if (ms !== BACKOFF_MS * CHANCE) return original(fn, ms)
      retry = fn
      return original(() => {}, 0)
    }) as never)
    onTestFinished(() => [random, timers].forEach((spy) => void spy.mockRestore()))
    const balancer = balancerOver(endpoints, {
      limits,
      outlier: false,
      retry: { attempts: 2, backoffBaseMs: BACKOFF_MS, backoffMaxMs: BACKOFF_MS },
    })
    const pending = balancer.fetch('http://users/').catch((error: unknown) => error)
    await until(() => retry !== undefined)
    const held = Array.from({ length: MOST }, () => balancer.pick('users'))
    retry?.()
    expect(await pending).toMatchObject({ code: 'FAIRLEAD_OVERLOADED' })
    for (const lease of held) lease.end()
    free(balancer)
  })

  it('where every endpoint is at its own limit', () => {
    const { balancer, users } = manualBalancer(named('a', 'b'), {
      limits: { maxRequests: 3, perEndpoint: { maxRequests: 1 } },
    })
    const held = [balancer.pick('users'), balancer.pick('users')]
    for (let i = 0; i < 4; i++)
      expect(() => balancer.pick('users')).toThrow(
        expect.objectContaining({ message: expect.stringContaining('perEndpoint') }),
      )
    expect(users()).toMatchObject({ inFlight: 2, overloaded: 4 })
    for (const lease of held) lease.end()
  })

  it('where no endpoint may be used', () => {
    const { balancer } = manualBalancer(named('a', 'b'), { limits })
    for (const id of ['a', 'b']) balancer.service('users').set(id, { state: 'drain' })
    for (let i = 0; i < 2 * MOST; i++)
      expect(() => balancer.pick('users')).toThrow(expect.objectContaining({ code: 'FAIRLEAD_NO_ENDPOINT' }))
    for (const id of ['a', 'b']) balancer.service('users').set(id, { state: 'ready' })
    free(balancer)
  })

  it('where a policy of the user’s throws', () => {
    let isBroken = true
    const policy = definePolicy('throws-at-times', {
      picker:
        ({ endpoints }) =>
        () => {
          if (isBroken) throw new Error('broken')
          return endpoints[0]
        },
    })
    const { balancer } = manualBalancer(named('a', 'b'), { limits, policy })
    for (let i = 0; i < 2 * MOST; i++) expect(() => balancer.pick('users')).toThrow()
    isBroken = false
    free(balancer)
  })

  it('where a key or an address is no text', () => {
    for (const [policy, request] of [
      ['ring-hash', { key: 5 }],
      ['maglev', { key: {} }],
      ['ip-hash', { clientIp: 5 }],
    ] as const) {
      const { balancer } = manualBalancer(named('a', 'b'), { limits, policy })
      for (let i = 0; i < 2 * MOST; i++)
        expect(() => balancer.pick({ service: 'users', ...request } as never)).toThrow()
      free(balancer)
    }
  })

  it.each([
    ['well', { ok: true }],
    ['badly', { ok: false }],
    ['with an outcome that nobody understands', { ok: 'yes' }],
  ])('where a lease ends %s, answered before or not', (_how, outcome) => {
    const { balancer } = manualBalancer(named('a', 'b'), { limits, outlier: false })
    for (const isAnswered of [false, true])
      for (let i = 0; i < 2 * MOST; i++) {
        const lease = balancer.pick('users')
        if (isAnswered) lease.answered({ status: 200 })
        try {
          lease.end(outcome as never)
        } catch {
          // It says what is wrong with the outcome.
        }
      }
    free(balancer)
  })

  it('where a request is aborted: while it connects, waits, or reads', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { limits })
    const handlers: (typeof a.handle)[] = [
      () => {},
      (_, response) => void response.writeHead(200).write('the first of'),
    ]
    for (const handle of handlers)
      for (let i = 0; i < 2 * MOST; i++) {
        a.handle = handle
        const aborter = new AbortController()
        const before = a.requests
        const pending = balancer
          .fetch('http://users/', { signal: aborter.signal })
          .then((response) => response.text())
          .catch(() => {})
        if (i % 2 === 0) await until(() => a.requests > before)
        await sleep(1)
        aborter.abort()
        await pending
        await until(() => balancer.stats().services['users'].inFlight === 0)
      }
    free(balancer)
  })
})

describe('a probe that finds no place on its endpoint', () => {
  const EJECTION_MS = 1_000
  const service: Partial<ServiceConfig> = {
    policy: 'round-robin',
    outlier: { consecutiveLocalOrigin: 1, baseConnectEjectionMs: EJECTION_MS },
  }

  /** `a` is ejected, waits for its probe, and has one request in flight that began before. */
  async function awaitingProbe() {
    const made = manualBalancer(named('a', 'b'), service)
    const { balancer, machine, configOf } = made
    const leases = Array.from({ length: 4 }, () => balancer.pick('users'))
    const [first, second] = leases.filter(({ endpoint }) => endpoint.id === 'a')
    for (const lease of leases) if (lease.endpoint.id === 'b') lease.end()
    first.end({ ok: false })
    expect(made.users().endpoints['a'].state).toBe('ejected')
    await machine.advance(EJECTION_MS + 1)
    return {
      ...made,
      second,
      limited: (most: number) =>
        configOf(undefined, { ...service, limits: { perEndpoint: { maxRequests: most } } }),
    }
  }

  it('leaves it to the next request that finds one', async () => {
    const { balancer, second, users, limited } = await awaitingProbe()
    await balancer.update(limited(1))
    for (let i = 0; i < 3; i++) {
      const lease = balancer.pick('users')
      expect(lease.endpoint.id).toBe('b')
      lease.end()
    }
    second[Symbol.dispose]()
    const probe = balancer.pick('users')
    expect(probe.endpoint.id).toBe('a')
    // One probe at a time.
    const other = balancer.pick('users')
    expect(other.endpoint.id).toBe('b')
    probe.end()
    other.end()
    expect(users().endpoints['a'].state).toBe('ready')
  })

  it('takes no place of the service', async () => {
    const { balancer, second, configOf } = await awaitingProbe()
    const limits = { maxRequests: MOST, perEndpoint: { maxRequests: 1 } }
    await balancer.update(configOf(undefined, { ...service, limits }))
    // `second` began before anybody counted.
    for (let i = 0; i < 2 * MOST; i++) balancer.pick('users').end()
    second[Symbol.dispose]()
    for (let i = 0; i < 2 * MOST; i++) balancer.pick('users').end()
  })

  it('and one whose request is cancelled leaves it to the next request as well', async () => {
    const { balancer, second, users } = await awaitingProbe()
    second[Symbol.dispose]()
    for (let i = 0; i < 3; i++) {
      const probe = balancer.pick('users')
      expect(probe.endpoint.id).toBe('a')
      probe[Symbol.dispose]()
    }
    expect(users().endpoints['a'].state).toBe('probing')
  })
})

describe('a look at a silent endpoint', () => {
  const LOOK_MS = 1_300
  const ENOUGH_SAMPLES = 30
  const service: Partial<ServiceConfig> = { policy: 'least-request' }

  /** `a` has two requests, which it has not answered for a while; then come the limits. */
  async function silent(limits: ServiceConfig['limits']) {
    const made = manualBalancer(await startEndpoints(2), service)
    const { balancer, machine, configOf } = made
    const leases = Array.from({ length: 4 }, () => balancer.pick('users'))
    const waiting = leases.filter(({ endpoint }) => endpoint.id === 'a')
    expect(waiting).toHaveLength(2)
    for (const lease of leases) if (!waiting.includes(lease)) lease.end()
    for (let i = 0; i < ENOUGH_SAMPLES; i++) balancer.pick('users').end({ ok: true, latencyMs: 5 })
    await balancer.update(configOf(undefined, { ...service, limits }))
    await machine.advance(LOOK_MS)
    const ask = async () => (await balancer.fetch('http://users/')).text()
    return { waiting, ask }
  }

  it('is one request; the next ones go elsewhere', async () => {
    const { ask } = await silent({})
    expect([await ask(), await ask(), await ask()]).toEqual(['a', 'b', 'b'])
  })

  it('that finds no place there is none: it is left to the next request that finds one', async () => {
    const { waiting, ask } = await silent({ perEndpoint: { maxRequests: 2 } })
    for (let i = 0; i < 3; i++) expect(await ask()).toBe('b')
    waiting[0][Symbol.dispose]()
    expect([await ask(), await ask()]).toEqual(['a', 'b'])
  })

  it('that finds no place there takes none of the service', async () => {
    const { waiting, ask } = await silent({ maxRequests: 1, perEndpoint: { maxRequests: 2 } })
    for (let i = 0; i < 3; i++) expect(await ask()).toBe('b')
    waiting[0][Symbol.dispose]()
    expect(await ask()).toBe('a')
  })
})
