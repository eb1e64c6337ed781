/** When a request is tried again: the waits between tries, `Retry-After`, and what becomes of a refused answer's body. */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { ServiceConfig } from '../../lib/index.js'
import { answering, balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'
import { until } from '../support/until.js'

/** Refuses the first requests with 503, then answers with the endpoint's name. */
function refusing(endpoint: TestEndpoint, times: number, refuse: (response: ServerResponse) => void): void {
  endpoint.handle = (incoming, response) => {
    if (endpoint.requests > times) return answering(endpoint.name)(incoming, response)
    refuse(response)
  }
}

/** The waits that were asked of `setTimeout` in this test, of those that are in `among`. */
function waits(among: readonly number[]): number[] {
  const asked: number[] = []
  const { setTimeout: original } = globalThis
  const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((fn: () => void, ms: number) => {
    if (among.includes(ms)) asked.push(ms)
    return original(fn, ms)
  }) as never)
  onTestFinished(() => spy.mockRestore())
  return asked
}

describe('the wait before another try', () => {
  /** Of a random number in [0, 1). */
  const CHANCE = 0.5625
  const backoffs = { backoffBaseMs: 8, backoffMaxMs: 20 }

  it.each([
    ['a status', (response: ServerResponse) => void response.writeHead(503).end()],
    ['a loss', (response: ServerResponse) => void response.socket?.resetAndDestroy()],
  ])('after %s is a random part of a ceiling that doubles up to its maximum', async (_what, refuse) => {
    const [a] = await startEndpoints(1)
    refusing(a, 4, refuse)
    const random = vi.spyOn(Math, 'random').mockReturnValue(CHANCE)
    onTestFinished(() => random.mockRestore())
    const ceilings = [8, 16, 20, 20]
    const asked = waits([0, ...ceilings, 32, 40, 64].map((ms) => ms * CHANCE))
    const balancer = balancerOver([a], { outlier: false, retry: { attempts: 5, ...backoffs } })
    expect(await (await balancer.fetch('http://users/')).text()).toBe('a')
    expect(asked).toEqual(ceilings.map((ms) => ms * CHANCE))
    expect(balancer.stats().services['users']).toMatchObject({ requests: 1, succeeded: 1, retried: 4 })
  })

  it('is none where the endpoint refused the connection: the next one is asked at once', async () => {
    const endpoints = await startEndpoints(2)
    await endpoints[0].kill()
    const random = vi.spyOn(Math, 'random').mockReturnValue(CHANCE)
    onTestFinished(() => random.mockRestore())
    const asked = waits([8 * CHANCE])
    const balancer = balancerOver(endpoints, { policy: 'round-robin', retry: backoffs })
    for (let i = 0; i < 2; i++) expect(await (await balancer.fetch('http://users/')).text()).toBe('b')
    expect(asked).toEqual([])
  })

  it('ends with the balancer: the request fails as stopped, and says what it had got', async () => {
    const [a] = await startEndpoints(1)
    a.handle = answering('sick', 503)
    const BACKOFF_MS = 7_777
    const { setTimeout: original } = globalThis
    let retry: (() => void) | undefined
    const timers = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((fn: () => void, ms: number) => {
      if (ms !== BACKOFF_MS / 2) return original(fn, ms)
      retry = fn
      return original(() => {}, 0)
    }) as never)
    const random = vi.spyOn(Math, 'random').mockReturnValue(0.5)
    onTestFinished(() => [random, timers].forEach((spy) => void spy.mockRestore()))
    const balancer = balancerOver([a], {
      outlier: false,
      retry: { backoffBaseMs: BACKOFF_MS, backoffMaxMs: BACKOFF_MS },
    })
    const failure = balancer.fetch('http://users/').catch((error: unknown) => error)
    await until(() => retry !== undefined)
    await balancer.stop({ drainMs: 0 })
    retry?.()
    expect(await failure).toMatchObject({
      code: 'FAIRLEAD_STOPPED',
      cause: expect.objectContaining({ message: 'a answered 503' }),
      fairlead: { tries: [{ endpoint: 'a', status: 503 }] },
    })
    expect(a.requests).toBe(1)
  })

  it.each([
    ['text', 'twice'],
    ['bytes', new TextEncoder().encode('twice')],
    ['a buffer', new TextEncoder().encode('twice').buffer],
    ['parameters', new URLSearchParams({ twice: '' })],
  ])('ends with the same body as before, of %s', async (_what, body) => {
    const [a] = await startEndpoints(1)
    const bodies: string[] = []
    a.handle = async (incoming, response) => {
      let text = ''
      for await (const chunk of incoming) text += chunk
      bodies.push(text)
      response.writeHead(bodies.length === 1 ? 503 : 200).end()
    }
    const balancer = balancerOver([a], { outlier: false, retry: { backoffBaseMs: 0 } })
    expect((await balancer.fetch('http://users/', { method: 'PUT', body: body as never })).status).toBe(200)
    expect(bodies).toEqual(Array(2).fill(body instanceof URLSearchParams ? 'twice=' : 'twice'))
  })

  it('ends with the tries: `attempts` counts the first one', async () => {
    const [a] = await startEndpoints(1)
    for (const attempts of [1, 2, 3]) {
      a.requests = 0
      a.handle = answering('sick', 503)
      const balancer = balancerOver([a], { outlier: false, retry: { attempts, backoffBaseMs: 0 } })
      expect((await balancer.fetch('http://users/')).status).toBe(503)
      expect(a.requests).toBe(attempts)
    }
  })
})

describe('Retry-After', () => {
  const BACKOFF_MS = 1_500
  const service: Partial<ServiceConfig> = {
    outlier: false,
    retry: { attempts: 2, backoffBaseMs: 1, backoffMaxMs: BACKOFF_MS },
  }
  const inSeconds = (seconds: number) => new Date(Date.now() + 1_000 * seconds).toUTCString()
  const refusingWith = (headers: Record<string, string>) => (response: ServerResponse) =>
    void response.writeHead(503, headers).end('not now')

  it.each([
    ['more seconds than a backoff', '2'],
    ['a date later than a backoff', inSeconds(600)],
    ['the header in capitals, with space around it', ' 60 '],
  ])('asks for %s: the only endpoint is not asked again', async (_what, value) => {
    const [a] = await startEndpoints(1)
    refusing(a, 1, refusingWith({ 'x-forwarded': '0', 'RETRY-AFTER': value }))
    const balancer = balancerOver([a], service)
    const response = await balancer.fetch('http://users/')
    expect([response.status, await response.text()]).toEqual([503, 'not now'])
    expect(a.requests).toBe(1)
  })

  it.each([
    ['no longer than a backoff', '1'],
    ['nothing', '0'],
    ['a date that is over', inSeconds(-600)],
    ['what nobody understands', 'soon'],
    ['something else', undefined],
  ])('asks for %s: the only endpoint is asked again', async (_what, value) => {
    const [a] = await startEndpoints(1)
    const headers: Record<string, string> =
      value === undefined ? { 'retry-befor': '60' } : { 'retry-after': value }
    refusing(a, 1, refusingWith(headers))
    const balancer = balancerOver([a], service)
    expect(await (await balancer.fetch('http://users/')).text()).toBe('a')
    expect(a.requests).toBe(2)
  })

  it('of an endpoint that has others beside it keeps no request from them', async () => {
    const endpoints = await startEndpoints(2)
    refusing(endpoints[0], 9, refusingWith({ 'retry-after': '600' }))
    const balancer = balancerOver(endpoints, { ...service, policy: 'round-robin' })
    for (let i = 0; i < 4; i++) expect(await (await balancer.fetch('http://users/')).text()).toBe('b')
  })

  it.each([
    ['seconds', () => '7', 7_000, 7_000],
    ['a date', () => inSeconds(20), 10_000, 20_000],
  ])('in %s is the time for which an endpoint is parked, in ms', async (_what, header, leastMs, mostMs) => {
    const endpoints = await startEndpoints(2)
    refusing(endpoints[0], 9, refusingWith({ 'retry-after': header() }))
    const balancer = balancerOver(endpoints, { policy: 'round-robin' })
    const reasons: string[] = []
    balancer.on('endpoint', ({ type, reason }) => type === 'parked' && reasons.push(reason))
    for (let i = 0; i < 2; i++) await (await balancer.fetch('http://users/')).text()
    expect(reasons).toHaveLength(1)
    const [, ms] = /for (\d+) ms/.exec(reasons[0]) ?? []
    expect(Number(ms)).toBeGreaterThanOrEqual(leastMs)
    expect(Number(ms)).toBeLessThanOrEqual(mostMs)
  })
})

describe('the body of a refused answer', () => {
  const BOUND = 64 * 1024

  it.each([
    ['up to its bound is read: the connection serves the next try', BOUND, 1],
    ['beyond its bound is not: its connection goes', BOUND + 1, 2],
  ])('%s', async (_what, bytes, connections) => {
    const [a] = await startEndpoints(1)
    // It is read for a second at most, which may be over sooner on a machine that is held.
    const SECOND_MS = 1_000
    const { setTimeout: original } = globalThis
    const timers = vi
      .spyOn(globalThis, 'setTimeout')
      .mockImplementation(((fn: () => void, ms: number) =>
        original(fn, ms === SECOND_MS ? 60 * SECOND_MS : ms)) as never)
    onTestFinished(() => timers.mockRestore())
    const sockets = new Set<Socket>()
    a.handle = (incoming, response) => {
      sockets.add(incoming.socket)
      if (a.requests > 1) return answering('a')(incoming, response)
      // The last byte comes by itself, so that the bound is passed while more is expected.
      response.writeHead(503, { 'content-length': bytes })
      response.write(Buffer.alloc(bytes - 1), () => response.end('.'))
    }
    const balancer = balancerOver([a], { client: { connections: 1 }, retry: { backoffBaseMs: 0 } })
    expect(await (await balancer.fetch('http://users/')).text()).toBe('a')
    expect(sockets.size).toBe(connections)
  })

  it('is not the caller’s: nothing of it reaches him, also where it breaks', async () => {
    const [a] = await startEndpoints(1)
    refusing(a, 1, (response) => {
      response.writeHead(503, { 'content-length': 100 })
      response.write('half', () => response.socket?.resetAndDestroy())
    })
    const balancer = balancerOver([a], { retry: { backoffBaseMs: 20, backoffMaxMs: 20 } })
    expect(await (await balancer.fetch('http://users/')).text()).toBe('a')
    const { users } = balancer.stats().services
    expect(users).toMatchObject({ requests: 1, succeeded: 1, failed: 0, inFlight: 0 })
    expect(users.endpoints['a']).toMatchObject({ requests: 2, failed: 1, inFlight: 0 })
  })
})
