/** Limits of connections, of requests that wait for them, and of further tries, with real servers: of one endpoint, of a service. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, request, upgrade } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Balancer, OverloadedError } from '../../lib/index.js'
import type { LimitsStats } from '../../lib/observe/limits.js'
import { answering, balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'

const POLL = { timeout: 10_000 }
const NONE = { used: 0 }

const limitsOf = (balancer: Balancer, id?: string): LimitsStats => {
  const { users } = balancer.stats().services
  return id === undefined ? users.limits : users.endpoints[id].limits
}

/** Requests that endpoints hold until they are told to answer. */
function hold(...endpoints: TestEndpoint[]) {
  const held: { name: string; response: ServerResponse }[] = []
  for (const endpoint of endpoints)
    endpoint.handle = (_request: IncomingMessage, response) =>
      void held.push({ name: endpoint.name, response })
  return {
    until: (count: number) => expect.poll(() => held.length, POLL).toBe(count),
    answer: () => held.shift()?.response.end('answered'),
    answerAll: () => {
      for (const { response } of held.splice(0)) response.end('answered')
      for (const endpoint of endpoints) endpoint.handle = answering(endpoint.name)
    },
  }
}

const get = async (balancer: Balancer, signal?: AbortSignal): Promise<string> =>
  (await balancer.fetch('http://users/', { signal })).text()

describe('connections', () => {
  it('are not more than perEndpoint.maxConnections; the requests above wait for one of them', async () => {
    const [a] = await startEndpoints(1)
    const held = hold(a)
    const balancer = balancerOver([a], { limits: { perEndpoint: { maxConnections: 2 } } })
    const answers = Array.from({ length: 5 }, () => get(balancer))
    await held.until(2)
    await sleep(20)
    expect(a.connections).toBe(2)
    expect(limitsOf(balancer, 'a')).toMatchObject({
      requests: { used: 5, max: 1_024 },
      connections: { used: 2, max: 2, remaining: 0 },
      pending: { used: 3, max: 1_024, remaining: 1_021 },
      retries: { used: 0, max: 0, remaining: Number.POSITIVE_INFINITY },
    })
    expect(limitsOf(balancer)).toMatchObject({
      requests: { used: 5, max: 0 },
      connections: { used: 2, max: 0, remaining: Number.POSITIVE_INFINITY },
      pending: { used: 3 },
    })
    held.answer()
    await held.until(2)
    expect(limitsOf(balancer, 'a').pending.used).toBe(2)
    held.answerAll()
    await Promise.all(answers)
    expect(limitsOf(balancer, 'a')).toMatchObject({ requests: NONE, connections: { used: 2 }, pending: NONE })
    await balancer.stop()
    expect(limitsOf(balancer, 'a').connections.used).toBe(0)
    expect(limitsOf(balancer).connections.used).toBe(0)
  })

  it('count until they are closed, whoever closes them', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { limits: { perEndpoint: { maxConnections: 1 } } })
    for (let i = 0; i < 3; i++) {
      expect(await get(balancer)).toBe('a')
      expect(limitsOf(balancer, 'a').connections.used).toBe(1)
      await a.kill()
      await expect.poll(() => limitsOf(balancer, 'a').connections.used, POLL).toBe(0)
      await a.start()
    }
  })

  it('that could not be opened do not count any more', async () => {
    const [a] = await startEndpoints(1)
    await a.kill()
    const balancer = balancerOver([a], { outlier: false, limits: { perEndpoint: { maxConnections: 1 } } })
    for (let i = 0; i < 3; i++) await expect(get(balancer)).rejects.toThrow()
    await expect.poll(() => limitsOf(balancer, 'a').connections.used, POLL).toBe(0)
    await a.start()
    expect(await get(balancer)).toBe('a')
  })

  it('of a request that was given up while it connected count until connecting has ended', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { limits: { perEndpoint: { maxConnections: 1 } } })
    const abort = new AbortController()
    const given = get(balancer, abort.signal)
    expect(limitsOf(balancer, 'a').connections.used).toBe(1)
    abort.abort(new Error('enough'))
    await expect(given).rejects.toThrow('enough')
    expect(await get(balancer)).toBe('a')
    expect(limitsOf(balancer, 'a').connections.used).toBe(1)
    await expect.poll(() => a.connections, POLL).toBe(1)
  })

  it('that were upgraded count until they close', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { limits: { perEndpoint: { maxConnections: 1 } } })
    const dispatcher = balancer.dispatcher()
    const { socket } = await upgrade('http://users/', { protocol: 'echo', dispatcher })
    expect(limitsOf(balancer, 'a').connections.used).toBe(1)
    const next = get(balancer)
    await expect.poll(() => limitsOf(balancer, 'a').pending.used, POLL).toBe(1)
    expect(a.connections).toBe(1)
    ;(socket as Duplex).destroy()
    expect(await next).toBe('a')
  })

  it('of the whole service are not more than maxConnections; an idle one goes for a request to another endpoint', async () => {
    const endpoints = await startEndpoints(3)
    for (const endpoint of endpoints) endpoint.keepAliveMs = 600_000
    const balancer = balancerOver(endpoints, {
      policy: 'round-robin',
      client: { keepAliveTimeout: 600_000 },
      limits: { maxConnections: 2 },
    })
    const names: string[] = []
    for (let i = 0; i < 9; i++) {
      names.push(await get(balancer))
      expect(limitsOf(balancer).connections.used).toBeLessThanOrEqual(2)
    }
    expect(names.sort()).toEqual([...'aaabbbccc'])
  })

  it('of a service: an endpoint that has none gets one of those that others keep busy', async () => {
    const [a, b] = await startEndpoints(2)
    a.handle = (_request, response) => void setTimeout(() => response.end('a'), 4)
    const balancer = balancerOver([a, b], {
      policy: 'round-robin',
      limits: { maxConnections: 1, perEndpoint: { adaptive: false, maxRequests: 0 } },
    })
    // More than it can answer: at `a` somebody always waits.
    const all: Promise<unknown>[] = []
    const load = setInterval(() => all.push(get(balancer).catch(() => {})), 1)
    try {
      await expect.poll(() => limitsOf(balancer, 'a').pending.used, POLL).toBeGreaterThan(5)
      await expect.poll(() => b.requests, POLL).toBeGreaterThan(5)
      expect(limitsOf(balancer, 'a').pending.used).toBeGreaterThan(0)
    } finally {
      clearInterval(load)
    }
    a.handle = answering('a')
    await Promise.all(all)
  })

  it('over a dispatcher of the user do not count', async () => {
    const [a] = await startEndpoints(1)
    const agent = new Agent()
    onTestFinished(() => agent.close())
    const balancer = balancerOver([a], {
      client: { dispatcher: agent },
      limits: { perEndpoint: { maxConnections: 1, maxPending: 1 } },
    })
    const held = hold(a)
    const answers = Array.from({ length: 4 }, () => get(balancer))
    await held.until(4)
    expect(limitsOf(balancer, 'a')).toMatchObject({ requests: { used: 4 }, connections: NONE, pending: NONE })
    held.answerAll()
    await Promise.all(answers)
  })

  it('keep the slot of an endpoint that has left until they are closed', async () => {
    const [a, b] = await startEndpoints(2)
    const held = hold(a)
    const balancer = balancerOver([a])
    const service = balancer.service('users')
    const answer = get(balancer)
    await held.until(1)
    service.add({ id: 'b', url: b.url })
    service.remove('a')
    held.answerAll()
    await answer
    // Its connection is about to be closed.
    service.add({ id: 'c', url: a.url })
    await expect.poll(() => a.connections, POLL).toBe(0)
    await sleep(20)
    expect(limitsOf(balancer, 'c').connections.used).toBe(0)
    expect(await get(balancer)).toMatch(/a|b/)
    await expect.poll(() => limitsOf(balancer).connections.used, POLL).toBe(1)
  })
})

describe('requests that wait for a connection', () => {
  it('beyond perEndpoint.maxPending go to another endpoint, and are refused where each is full', async () => {
    const [a, b] = await startEndpoints(2)
    const held = hold(a, b)
    const balancer = balancerOver([a, b], {
      policy: 'round-robin',
      limits: { perEndpoint: { maxConnections: 1, maxPending: 2 } },
    })
    const answers = Array.from({ length: 6 }, () => get(balancer))
    await held.until(2)
    expect([limitsOf(balancer, 'a').pending, limitsOf(balancer, 'b').pending]).toEqual([
      { used: 2, max: 2, remaining: 0 },
      { used: 2, max: 2, remaining: 0 },
    ])
    const error = (await get(balancer).catch((reason) => reason)) as OverloadedError
    expect(error).toMatchObject({ code: 'FAIRLEAD_OVERLOADED', service: 'users' })
    expect(error.message).toMatch(/limits\.perEndpoint\.maxPending, 2, is reached at [ab]/)
    held.answerAll()
    await Promise.all(answers)
    expect(balancer.stats().services.users).toMatchObject({ overloaded: 1, inFlight: 0, succeeded: 6 })
    expect(limitsOf(balancer).pending.used).toBe(0)
  })

  it('go where there is room, whatever the policy says', async () => {
    const [a, b] = await startEndpoints(2)
    const held = hold(a)
    const balancer = balancerOver([a, b], {
      policy: 'weighted-round-robin',
      limits: { perEndpoint: { maxConnections: 1, maxPending: 1, adaptive: false } },
    })
    balancer.service('users').set('a', { weight: 1_000 })
    const answers = [get(balancer), get(balancer)]
    await held.until(1)
    for (let i = 0; i < 5; i++) expect(await get(balancer)).toBe('b')
    expect(balancer.stats().services.users).toMatchObject({ overloaded: 0, requests: 7 })
    held.answerAll()
    await Promise.all(answers)
  })

  it('beyond maxPending of the service are refused, which says so; the error knows nothing of what was not sent', async () => {
    const [a] = await startEndpoints(1)
    const held = hold(a)
    const balancer = balancerOver([a], {
      limits: { maxPending: 1, perEndpoint: { maxConnections: 1 } },
    })
    const answers = [get(balancer), get(balancer)]
    await held.until(1)
    await expect(get(balancer)).rejects.toThrow(/limits\.maxPending, 1, is reached/)
    held.answerAll()
    await Promise.all(answers)
    expect(limitsOf(balancer)).toMatchObject({ pending: NONE, requests: NONE })
  })

  it('leave the count when their callers leave', async () => {
    const [a] = await startEndpoints(1)
    const held = hold(a)
    const balancer = balancerOver([a], { limits: { perEndpoint: { maxConnections: 1, maxPending: 1 } } })
    const first = get(balancer)
    for (let i = 0; i < 3; i++) {
      const abort = new AbortController()
      const waiting = get(balancer, abort.signal)
      expect(limitsOf(balancer, 'a').pending.used).toBe(1)
      abort.abort(new Error('enough'))
      await expect(waiting).rejects.toThrow('enough')
      expect(limitsOf(balancer, 'a').pending.used).toBe(0)
    }
    await held.until(1)
    held.answerAll()
    await first
  })
})

describe('further tries', () => {
  it('are not more than maxRetries at a time: the caller gets the answer that would have been tried again', async () => {
    const [a, b] = await startEndpoints(2)
    const held: ServerResponse[] = []
    let isFirst = true
    const refuseFirst = (_request: IncomingMessage, response: ServerResponse): void => {
      if (isFirst) response.writeHead(503).end('refused')
      else held.push(response)
    }
    a.handle = refuseFirst
    b.handle = refuseFirst
    const balancer = balancerOver([a, b], {
      outlier: false,
      policy: 'round-robin',
      retry: { attempts: 2, backoffBaseMs: 1, backoffMaxMs: 1 },
      limits: { maxRetries: 2 },
    })
    const answers = Array.from({ length: 5 }, async () => (await balancer.fetch('http://users/')).status)
    await expect.poll(() => a.requests + b.requests, POLL).toBeGreaterThanOrEqual(5)
    isFirst = false
    const refused = (await Promise.all(answers.map((answer) => Promise.race([answer, sleep(300)])))).filter(
      (status) => status === 503,
    )
    expect(refused.length).toBeGreaterThanOrEqual(3)
    for (const response of held) response.end()
    await Promise.all(answers)
    expect(limitsOf(balancer).retries).toEqual({ used: 0, max: 2, remaining: 2 })
    expect(limitsOf(balancer, 'a').retries.used + limitsOf(balancer, 'b').retries.used).toBe(0)
    expect(balancer.stats().services.users.retried).toBeLessThanOrEqual(2)
  })

  it('are not more than perEndpoint.maxRetries at one endpoint', async () => {
    const endpoints = await startEndpoints(2)
    const [a, b] = endpoints
    const failing: ServerResponse[] = []
    a.handle = (_request, response) => void failing.push(response)
    const held = hold(b)
    const balancer = balancerOver(endpoints, {
      outlier: false,
      retry: { attempts: 2, backoffBaseMs: 1, backoffMaxMs: 1 },
      limits: { perEndpoint: { maxRetries: 1 } },
    })
    balancer.service('users').set('b', { state: 'maint' })
    const answers = Promise.allSettled([get(balancer), get(balancer), get(balancer)])
    await expect.poll(() => failing.length, POLL).toBe(3)
    balancer.service('users').set('b', { state: 'ready' })
    a.handle = (_request, response) => void response.socket?.destroy()
    for (const response of failing) response.socket?.destroy()
    await held.until(1)
    expect(limitsOf(balancer, 'b').retries).toEqual({ used: 1, max: 1, remaining: 0 })
    await expect.poll(() => balancer.inFlight, POLL).toBe(1)
    held.answerAll()
    expect((await answers).map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
    expect(b.requests).toBe(1)
    expect([limitsOf(balancer), limitsOf(balancer, 'a'), limitsOf(balancer, 'b')]).toMatchObject(
      Array.from({ length: 3 }, () => ({ retries: NONE })),
    )
  })

  it('are all made by default when an endpoint dies with many requests in flight', async () => {
    const [a, b] = await startEndpoints(2)
    const held = hold(a)
    const balancer = balancerOver([a, b], { retry: { backoffBaseMs: 1, budget: { minPerSecond: 200 } } })
    balancer.service('users').set('b', { state: 'maint' })
    const answers = Array.from({ length: 100 }, () => get(balancer))
    await held.until(100)
    balancer.service('users').set('b', { state: 'ready' })
    await a.kill()
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['b']))
    expect(limitsOf(balancer).retries).toMatchObject(NONE)
  })
})

it('undici `request` gets the same error', async () => {
  const [a] = await startEndpoints(1)
  const held = hold(a)
  const balancer = balancerOver([a], {
    limits: { perEndpoint: { maxConnections: 1, maxPending: 1 } },
  })
  const dispatcher = balancer.dispatcher()
  const answers = [get(balancer), get(balancer)]
  await held.until(1)
  await expect(request('http://users/', { dispatcher })).rejects.toMatchObject({
    code: 'FAIRLEAD_OVERLOADED',
  })
  held.answerAll()
  await Promise.all(answers)
})
