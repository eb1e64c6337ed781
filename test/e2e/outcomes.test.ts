/** An outcome in two parts, over real servers: what is settled at the headers, and what the body may still change. */
import type { ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import type { Balancer } from '../../lib/index.js'
import { serve } from '../support/health-servers.js'
import { answering, balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'

/** An event stream that never ends by itself. */
function stream(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write('data: 0\n\n')
  const timer = setInterval(() => response.write('data: x\n\n'), 5)
  response.on('close', () => clearInterval(timer))
}

/** Reads the first event, and leaves. */
async function visit(balancer: Balancer): Promise<void> {
  const caller = new AbortController()
  const response = await balancer.fetch('http://users/', { signal: caller.signal })
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  await reader.read()
  caller.abort()
  await reader.read().catch(() => {})
}

const users = (balancer: Balancer) => balancer.stats().services.users

describe('a stream', () => {
  it('counts when it is answered; while it is open it is in flight and not unanswered', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (_, response) => stream(response)
    const balancer = balancerOver([a])
    const caller = new AbortController()
    const response = await balancer.fetch('http://users/', { signal: caller.signal })
    expect(users(balancer)).toMatchObject({ requests: 1, succeeded: 1, inFlight: 1, latencyMs: { count: 1 } })
    expect(users(balancer).endpoints['a']).toMatchObject({ requests: 1, inFlight: 1, unanswered: 0 })
    caller.abort()
    await response.text().catch(() => {})
    await expect.poll(() => users(balancer).inFlight).toBe(0)
    expect(users(balancer)).toMatchObject({
      requests: 1,
      succeeded: 1,
      failed: 0,
      cancelled: 0,
      latencyMs: { count: 1 },
    })
  })

  it.each(['peak-ewma', 'least-response-time'] as const)(
    'that is slow to begin loses traffic under %s',
    async (policy) => {
      const endpoints = await startEndpoints(2)
      const [slow, quick] = endpoints
      slow.handle = (_, response) => void setTimeout(() => stream(response), 300)
      quick.handle = (_, response) => stream(response)
      const balancer = balancerOver(endpoints, { policy })
      for (let i = 0; i < 30; i++) await visit(balancer)
      expect(users(balancer)).toMatchObject({ succeeded: 30, cancelled: 0 })
      expect(slow.requests).toBeLessThan(8)
    },
  )

  it('ends a probe when it is answered, and a run of failures too', async () => {
    const endpoints = await startEndpoints(2)
    const [a, b] = endpoints
    a.handle = (_, response) => stream(response)
    b.handle = (incoming) => incoming.socket.destroy()
    const balancer = balancerOver(endpoints, {
      policy: 'round-robin',
      outlier: { baseConnectEjectionMs: 100 },
      retry: { backoffBaseMs: 1 },
    })
    for (let i = 0; i < 40 && users(balancer).endpoints['b'].state === 'ready'; i++) await visit(balancer)
    expect(users(balancer).endpoints['b'].state).toBe('ejected')
    b.handle = (_, response) => stream(response)
    await expect
      .poll(async () => {
        await visit(balancer)
        return users(balancer).endpoints['b'].state
      })
      .toBe('ready')
  })
})

describe('a body', () => {
  /** Says more than it gives, and cuts the connection. */
  const breaking = (_: unknown, response: ServerResponse): void => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('some', () => response.destroy())
  }

  it('that the endpoint breaks moves the request from succeeded to failed', async () => {
    const [a] = await startEndpoints(1)
    a.handle = breaking
    const balancer = balancerOver([a])
    const response = await balancer.fetch('http://users/')
    expect(users(balancer)).toMatchObject({ requests: 1, failed: expect.any(Number) })
    await expect(response.text()).rejects.toThrow()
    expect(users(balancer)).toMatchObject({
      requests: 1,
      succeeded: 0,
      failed: 1,
      inFlight: 0,
      latencyMs: { count: 1 },
    })
  })

  it('broken again and again ejects, although each answer begins with 200', async () => {
    const endpoints = await startEndpoints(2)
    endpoints[1].handle = breaking
    const balancer = balancerOver(endpoints, { policy: 'round-robin' })
    for (let i = 0; i < 12; i++)
      await balancer
        .fetch('http://users/')
        .then((r) => r.text())
        .catch(() => {})
    expect(users(balancer).endpoints['b'].state).toBe('ejected')
  })

  it('that its caller leaves, or whose deadline ends it, changes nothing', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (_, response) => stream(response)
    const balancer = balancerOver([a])
    // After the headers, however long those take to come.
    for (let i = 0; i < 8; i++) {
      const caller = new AbortController()
      const answer = await balancer.fetch('http://users/', { signal: caller.signal })
      const name = i % 2 === 0 ? 'AbortError' : 'TimeoutError'
      setTimeout(() => caller.abort(new DOMException('enough', name)), 20)
      await expect(answer.text()).rejects.toMatchObject({ name })
    }
    const { endpoints, ...rest } = users(balancer)
    expect(rest).toMatchObject({ succeeded: 8, failed: 0, cancelled: 0 })
    expect(endpoints['a']).toMatchObject({ state: 'ready' })
  })

  it.each([
    ['a 304', 'GET', 304],
    ['an answer to HEAD', 'HEAD', 200],
  ] as const)(
    'that %s has not, whatever its Content-Length says, is complete',
    async (_what, method, status) => {
      const { port } = await serve(
        createTcpServer((socket) => {
          socket.on('error', () => {})
          socket.on('data', () =>
            socket.write(`HTTP/1.1 ${status} X\r\ncontent-length: 40\r\netag: "1"\r\n\r\n`),
          )
        }),
      )
      const endpoint = { name: 'a', url: `http://127.0.0.1:${port}` } as TestEndpoint
      const balancer = balancerOver([endpoint])
      for (let i = 0; i < 12; i++) {
        const answer = await request('http://users/', { method, dispatcher: balancer.dispatcher() })
        expect([answer.statusCode, await answer.body.text()]).toEqual([status, ''])
      }
      expect(users(balancer)).toMatchObject({ succeeded: 12, failed: 0 })
    },
  )

  it('of a refused answer is read for a second at most, so that its connection is free again', async () => {
    const [a] = await startEndpoints(1)
    let first = true
    a.handle = (incoming, response) => {
      if (!first) return answering('a')(incoming, response)
      first = false
      response.writeHead(503)
      const timer = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(timer))
    }
    const balancer = balancerOver([a], { client: { connections: 1 }, retry: { backoffBaseMs: 1 } })
    expect(await (await balancer.fetch('http://users/')).text()).toBe('a')
  })
})

describe('before the headers', () => {
  it('the wait of a caller who leaves raises the average, and is no verdict', async () => {
    const [a] = await startEndpoints(1)
    a.handle = () => {}
    const balancer = balancerOver([a])
    await expect(balancer.fetch('http://users/', { signal: AbortSignal.timeout(150) })).rejects.toThrow()
    const { averageLatencyMs, state, latencyMs } = users(balancer).endpoints['a']
    expect(averageLatencyMs).toBeGreaterThan(80)
    expect([state, latencyMs.count]).toEqual(['ready', 0])
    expect(users(balancer)).toMatchObject({ cancelled: 1, failed: 0 })
    // One that leaves at once does not lower it.
    const caller = new AbortController()
    setTimeout(() => caller.abort(), 5)
    await expect(balancer.fetch('http://users/', { signal: caller.signal })).rejects.toThrow()
    expect(users(balancer).endpoints['a'].averageLatencyMs).toBeGreaterThan(80)
  })

  it('an endpoint that answers nothing is left: its idempotent requests are answered elsewhere', async () => {
    const endpoints = await startEndpoints(3)
    const [hung] = endpoints
    hung.handle = () => {}
    const balancer = balancerOver(endpoints)
    const answers: Promise<string>[] = []
    const began = performance.now()
    let worst = 0
    while (performance.now() - began < 6_500) {
      const at = performance.now()
      answers.push(
        balancer.fetch('http://users/').then(async (response) => {
          const text = await response.text()
          worst = Math.max(worst, performance.now() - at)
          return text
        }),
      )
      await sleep(25)
    }
    expect(new Set(await Promise.all(answers))).toEqual(new Set(['b', 'c']))
    expect(users(balancer).endpoints['a'].state).not.toBe('ready')
    expect(worst).toBeGreaterThan(4_000)
  })

  it('a POST waits there: it is not sent twice', async () => {
    const endpoints = await startEndpoints(2)
    const [hung] = endpoints
    hung.handle = () => {}
    const balancer = balancerOver(endpoints, { policy: 'round-robin' })
    const caller = new AbortController()
    const posts = [1, 2].map(() =>
      balancer.fetch('http://users/', { method: 'POST', body: 'x', signal: caller.signal }),
    )
    const settled = Promise.allSettled(posts)
    const began = performance.now()
    while (performance.now() - began < 6_500) {
      await Promise.race([balancer.fetch('http://users/'), sleep(50)]).catch(() => {})
      await sleep(25)
    }
    expect(users(balancer).endpoints['a'].state).not.toBe('ready')
    caller.abort()
    expect((await settled).map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })
})

describe('a connection', () => {
  it('that was idle and is closed as a request is written to it is no failure of the endpoint', async () => {
    const endpoints = await startEndpoints(1)
    const [a] = endpoints
    const seen = new WeakSet<object>()
    // One answer a connection, then it is cut when the next request comes.
    a.handle = (incoming, response) => {
      if (seen.has(incoming.socket)) return void incoming.socket.resetAndDestroy()
      seen.add(incoming.socket)
      answering('a')(incoming, response)
    }
    const balancer = balancerOver(endpoints, { retry: { backoffBaseMs: 1, budget: { minPerSecond: 1_000 } } })
    const ejected: string[] = []
    balancer.on('endpoint', ({ type, reason }) => type === 'ejected' && ejected.push(reason))
    for (let i = 0; i < 60; i++) expect(await (await balancer.fetch('http://users/')).text()).toBe('a')
    expect(ejected).toEqual([])
    expect(users(balancer).retried).toBeGreaterThan(20)
  })

  it('that is cut at its first request is', async () => {
    const endpoints = await startEndpoints(2)
    endpoints[0].handle = (incoming) => void incoming.socket.resetAndDestroy()
    const balancer = balancerOver(endpoints, { policy: 'round-robin', retry: { backoffBaseMs: 1 } })
    for (let i = 0; i < 12; i++) expect(await (await balancer.fetch('http://users/')).text()).toBe('b')
    expect(users(balancer).endpoints['a'].state).toBe('ejected')
  })

  it('that a request waits for, where all that are allowed are busy, is not the endpoint’s', async () => {
    const endpoints = await startEndpoints(2)
    for (const endpoint of endpoints)
      endpoint.handle = (incoming, response) => void setTimeout(() => answering('x')(incoming, response), 700)
    const balancer = balancerOver(endpoints, { client: { connections: 1 }, retry: { perTryTimeoutMs: 800 } })
    const ejected: string[] = []
    balancer.on('endpoint', ({ type, reason }) => type === 'ejected' && ejected.push(reason))
    await Promise.allSettled(
      Array.from({ length: 24 }, () => balancer.fetch('http://users/').then((r) => r.text())),
    )
    expect(ejected).toEqual([])
  })
})
