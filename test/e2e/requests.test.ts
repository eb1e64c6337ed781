import { setTimeout as sleep } from 'node:timers/promises'
import { getGlobalDispatcher, request, setGlobalDispatcher } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { NoEndpointError, OverloadedError, UnknownServiceError } from '../../lib/index.js'
import { answering, balancerOver, startEndpoints } from '../support/http-servers.js'

describe('balancer.fetch', () => {
  it('balances over all endpoints, and the totals are exact', async () => {
    const endpoints = await startEndpoints(3)
    const balancer = balancerOver(endpoints, { policy: 'round-robin' })
    for (let i = 0; i < 30; i++) {
      const response = await balancer.fetch('http://users/path?q=1')
      expect(response.status).toBe(200)
      expect(await response.text()).toMatch(/^[abc]$/)
    }
    expect(endpoints.map(({ requests }) => requests)).toEqual([10, 10, 10])
    const { users } = balancer.stats().services
    expect(users).toMatchObject({
      requests: 30,
      succeeded: 30,
      failed: 0,
      cancelled: 0,
      retried: 0,
      inFlight: 0,
    })
    expect(users.latencyMs.count).toBe(30)
    expect(Object.values(users.endpoints).map(({ requests }) => requests)).toEqual([10, 10, 10])
  })

  it('names the known services where it is asked for another', async () => {
    const balancer = balancerOver(await startEndpoints(1))
    const failure = await balancer.fetch('http://orders/').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(UnknownServiceError)
    expect(failure).toMatchObject({
      code: 'FAIRLEAD_UNKNOWN_SERVICE',
      message: expect.stringContaining('users'),
    })
  })

  it('rejects at once with FAIRLEAD_NO_ENDPOINT where no endpoint is left', async () => {
    const balancer = balancerOver([])
    const failure = await balancer.fetch('http://users/').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(NoEndpointError)
    expect(failure).toMatchObject({
      code: 'FAIRLEAD_NO_ENDPOINT',
      message: expect.stringContaining('"users"'),
    })
    expect(balancer.stats().services.users.noEndpoint).toBe(1)
  })

  it('refuses above limits.perEndpoint.maxRequests and above limits.maxRequests', async () => {
    const endpoints = await startEndpoints(2)
    const perEndpoint = balancerOver(endpoints, { limits: { perEndpoint: { maxRequests: 1 } } })
    const leases = [perEndpoint.pick('users'), perEndpoint.pick('users')]
    expect(new Set(leases.map((lease) => lease.endpoint.id)).size).toBe(2)
    await expect(perEndpoint.fetch('http://users/')).rejects.toBeInstanceOf(OverloadedError)
    leases[0].end()
    expect((await perEndpoint.fetch('http://users/')).status).toBe(200)

    const whole = balancerOver(endpoints, { limits: { maxRequests: 3 } })
    const held = [1, 2, 3].map(() => whole.pick('users'))
    expect(() => whole.pick('users')).toThrow(OverloadedError)
    for (const lease of held) lease.end()
    expect(whole.pick('users').endpoint.id).toMatch(/[ab]/)
  })

  it('sends a body whole, and its bytes again where the first endpoint fails', async () => {
    const endpoints = await startEndpoints(2)
    const bodies: string[] = []
    for (const [i, endpoint] of endpoints.entries()) {
      endpoint.handle = (incoming, response) => {
        let text = ''
        incoming.on('data', (chunk) => (text += chunk))
        incoming.on('end', () => {
          bodies.push(text)
          if (bodies.length === 1) response.writeHead(503).end('try again')
          else answering(String(i))(incoming, response)
        })
      }
    }
    const balancer = balancerOver(endpoints, { policy: 'round-robin' })
    const response = await balancer.fetch('http://users/', { method: 'PUT', body: 'twice' })
    expect(response.status).toBe(200)
    expect(bodies).toEqual(['twice', 'twice'])
    expect(balancer.stats().services.users).toMatchObject({
      requests: 1,
      succeeded: 1,
      failed: 0,
      retried: 1,
    })
  })
})

describe('the dispatcher', () => {
  it('serves undici, under a Node fetch too, and passes other hosts through untouched', async () => {
    const [a, b, elsewhere] = await startEndpoints(3)
    const balancer = balancerOver([a, b])
    const dispatcher = balancer.dispatcher()
    const { statusCode, body } = await request('http://users/', { dispatcher })
    expect([statusCode, await body.text()]).toEqual([200, expect.stringMatching(/[ab]/)])
    const other = await request(`${elsewhere.url}/`, { dispatcher })
    expect(await other.body.text()).toBe('c')

    const before = getGlobalDispatcher()
    onTestFinished(() => setGlobalDispatcher(before))
    setGlobalDispatcher(dispatcher)
    expect(await (await fetch('http://users/')).text()).toMatch(/[ab]/)
    expect(await (await fetch(elsewhere.url)).text()).toBe('c')
    expect(balancer.stats().services.users.requests).toBe(2)
  })

  it('sends the Host header that client.host asks for', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (incoming, response) => response.end(incoming.headers.host)
    for (const [host, expected] of [
      ['endpoint', a.host],
      ['service', 'users'],
      ['users.example', 'users.example'],
    ]) {
      const balancer = balancerOver([a], { client: { host } })
      expect(await (await balancer.fetch('http://users/')).text()).toBe(expected)
    }
  })

  it('rewrites a Location on the endpoint to the service, and no other', async () => {
    const [a, b] = await startEndpoints(2)
    for (const endpoint of [a, b]) {
      endpoint.handle = (incoming, response) => {
        if (incoming.url === '/from') response.writeHead(302, { location: `${endpoint.url}/to?x=1` }).end()
        else if (incoming.url === '/away')
          response.writeHead(302, { location: 'http://elsewhere.example/to' }).end()
        else response.end(endpoint.name)
      }
    }
    const balancer = balancerOver([a, b], { policy: 'round-robin' })
    const first = await balancer.fetch('http://users/from', { redirect: 'manual' })
    expect(first.headers.get('location')).toBe('http://users/to?x=1')
    const away = await balancer.fetch('http://users/away', { redirect: 'manual' })
    expect(away.headers.get('location')).toBe('http://elsewhere.example/to')
    const followed = await balancer.fetch('http://users/from')
    expect(followed.status).toBe(200)
    expect(balancer.stats().services.users.requests).toBe(4)
  })

  it('holds the place of an upgraded connection until its socket closes', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a])
    const { socket } = await balancer
      .dispatcher()
      .upgrade({ path: '/', protocol: 'echo', origin: 'http://users' } as never)
    socket.write('hello')
    const [chunk] = await new Promise<[Buffer]>((resolve) =>
      socket.once('data', (data: Buffer) => resolve([data])),
    )
    expect(chunk.toString()).toBe('hello')
    expect(balancer.stats().services.users.inFlight).toBe(1)
    socket.destroy()
    await until(() => balancer.stats().services.users.inFlight === 0)
    expect(balancer.stats().services.users.succeeded).toBe(1)
  })

  it('streams: the first chunk arrives before the last is sent', async () => {
    const [a] = await startEndpoints(1)
    let finish: () => void = () => {}
    a.handle = (_incoming, response) => {
      response.write('first')
      finish = () => response.end('last')
    }
    const balancer = balancerOver([a])
    const { body } = await request('http://users/', { dispatcher: balancer.dispatcher() })
    const chunks: string[] = []
    for await (const chunk of body) {
      chunks.push(String(chunk))
      if (chunks.length === 1) {
        expect(balancer.stats().services.users.inFlight).toBe(1)
        finish()
      }
    }
    expect(chunks.join('|')).toBe('first|last')
    expect(balancer.stats().services.users.inFlight).toBe(0)
  })
})

describe('outcome and retries', () => {
  it.each([502, 503, 504])('tries an idempotent request that got %i again, elsewhere', async (status) => {
    const [a, b] = await startEndpoints(2)
    a.handle = answering('sick', status)
    const balancer = balancerOver([a, b], { policy: 'round-robin', outlier: false })
    for (let i = 0; i < 4; i++) expect(await (await balancer.fetch('http://users/')).text()).toBe('b')
    expect(balancer.stats().services.users).toMatchObject({
      requests: 4,
      succeeded: 4,
      failed: 0,
      retried: 2,
    })
    expect(balancer.stats().services.users.endpoints.a.failed).toBe(2)
  })

  it('gives a 500 and a POST that got 503 to the caller', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { outlier: false })
    a.handle = answering('broken', 500)
    expect((await balancer.fetch('http://users/')).status).toBe(500)
    a.handle = answering('sick', 503)
    expect((await balancer.fetch('http://users/', { method: 'POST', body: 'once' })).status).toBe(503)
    expect(a.requests).toBe(2)
    expect(balancer.stats().services.users).toMatchObject({ requests: 2, failed: 2, retried: 0 })
  })

  it('counts 4xx as success of the endpoint', async () => {
    const [a] = await startEndpoints(1)
    a.handle = answering('missing', 404)
    const balancer = balancerOver([a])
    expect((await balancer.fetch('http://users/')).status).toBe(404)
    expect(balancer.stats().services.users).toMatchObject({ succeeded: 1, failed: 0 })
  })

  it('moves any request off an endpoint that refuses connections, a streamed POST too', async () => {
    const [a, b] = await startEndpoints(2)
    await a.kill()
    const balancer = balancerOver([a, b], { policy: 'round-robin', outlier: false, retry: { attempts: 1 } })
    for (let i = 0; i < 4; i++) {
      const stream = new Blob(['body']).stream()
      const response = await balancer.fetch('http://users/', {
        method: 'POST',
        body: stream,
        duplex: 'half',
      } as RequestInit)
      expect(await response.text()).toBe('b')
    }
    expect(balancer.stats().services.users).toMatchObject({
      requests: 4,
      succeeded: 4,
      failed: 0,
      retried: 2,
    })
  })

  it('gives the connection error to the caller when every endpoint refuses', async () => {
    const endpoints = await startEndpoints(3)
    await Promise.all(endpoints.map((endpoint) => endpoint.kill()))
    const balancer = balancerOver(endpoints)
    const failure = (await balancer.fetch('http://users/').catch((error: unknown) => error)) as Error
    expect(failure.cause).toMatchObject({ code: 'ECONNREFUSED' })
    expect(balancer.stats().services.users).toMatchObject({ requests: 1, failed: 1, retried: 2, inFlight: 0 })
  })

  it('tries again when the connection is lost before the headers, not after them', async () => {
    const [a, b] = await startEndpoints(2)
    a.handle = (incoming) => incoming.socket.destroy()
    const balancer = balancerOver([a, b], { policy: 'round-robin', outlier: false })
    for (let i = 0; i < 4; i++) expect(await (await balancer.fetch('http://users/')).text()).toBe('b')
    a.handle = (incoming, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half')
      setTimeout(() => incoming.socket.destroy(), 20)
    }
    b.handle = a.handle
    const before = a.requests + b.requests
    const cut = await balancer.fetch('http://users/')
    await expect(cut.text()).rejects.toThrow()
    await sleep(300) // longer than any backoff
    expect(a.requests + b.requests).toBe(before + 1)
    expect(balancer.stats().services.users).toMatchObject({
      requests: 5,
      succeeded: 4,
      failed: 1,
      inFlight: 0,
    })
  })

  it('does not send a POST twice after its bytes went out', async () => {
    const endpoints = await startEndpoints(2)
    for (const endpoint of endpoints) endpoint.handle = (incoming) => incoming.socket.destroy()
    const balancer = balancerOver(endpoints)
    await expect(balancer.fetch('http://users/', { method: 'POST', body: 'x' })).rejects.toThrow()
    expect(endpoints[0].requests + endpoints[1].requests).toBe(1)
  })

  it('does not send a stream twice, even for an idempotent method', async () => {
    const endpoints = await startEndpoints(2)
    for (const endpoint of endpoints) endpoint.handle = answering('sick', 503)
    const balancer = balancerOver(endpoints, { outlier: false })
    const init = { method: 'PUT', body: new Blob(['once']).stream(), duplex: 'half' } as RequestInit
    expect((await balancer.fetch('http://users/', init)).status).toBe(503)
    expect(endpoints[0].requests + endpoints[1].requests).toBe(1)
  })

  it('stops at the budget', async () => {
    const [a] = await startEndpoints(1)
    a.handle = answering('sick', 503)
    const balancer = balancerOver([a], {
      outlier: false,
      retry: { attempts: 20, backoffBaseMs: 0, budget: { ratio: 0, minPerSecond: 1 } },
    })
    expect((await balancer.fetch('http://users/')).status).toBe(503)
    // One a second over the ten seconds of the window: ten retries in all.
    expect(a.requests).toBe(11)
    expect((await balancer.fetch('http://users/')).status).toBe(503)
    expect(a.requests).toBe(12)
  })

  it('cuts a try off after perTryTimeoutMs and goes elsewhere', async () => {
    const [a, b] = await startEndpoints(2)
    a.handle = () => {}
    const balancer = balancerOver([a, b], {
      policy: 'round-robin',
      outlier: false,
      retry: { perTryTimeoutMs: 50 },
    })
    for (let i = 0; i < 2; i++) expect(await (await balancer.fetch('http://users/')).text()).toBe('b')
    expect(balancer.stats().services.users).toMatchObject({
      requests: 2,
      succeeded: 2,
      retried: 1,
      inFlight: 0,
    })
  })

  it('does not hold the caller’s abort against the endpoint', async () => {
    const [a] = await startEndpoints(1)
    a.handle = () => {}
    const balancer = balancerOver([a], { outlier: { consecutiveLocalOrigin: 1 } })
    const reason = new Error('changed my mind')
    const aborter = new AbortController()
    const pending = balancer.fetch('http://users/', { signal: aborter.signal })
    await until(() => a.requests === 1)
    aborter.abort(reason)
    await expect(pending).rejects.toBe(reason)
    await until(() => balancer.stats().services.users.inFlight === 0)
    expect(balancer.stats().services.users).toMatchObject({ requests: 1, cancelled: 1, failed: 0 })
  })

  it('lets go of a request that is aborted before it is connected or while it waits for its next try', async () => {
    const [a] = await startEndpoints(1)
    a.handle = answering('sick', 503)
    const balancer = balancerOver([a], {
      outlier: false,
      retry: { backoffBaseMs: 60_000, backoffMaxMs: 60_000 },
    })
    const aborter = new AbortController()
    const pending = balancer.fetch('http://users/', { signal: aborter.signal })
    await until(() => a.requests === 1 && balancer.stats().services.users.inFlight === 0)
    aborter.abort()
    await expect(pending).rejects.toMatchObject({ name: 'AbortError' })
    await expect(balancer.fetch('http://users/', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      name: 'AbortError',
    })
    expect(balancer.stats().services.users.inFlight).toBe(0)
    expect(a.requests).toBe(1)
  })
})

describe('stop', () => {
  it('lets requests in flight finish and takes no new ones', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (_incoming, response) => void setTimeout(() => response.end('done'), 100)
    const balancer = balancerOver([a])
    const pending = balancer.fetch('http://users/')
    await until(() => a.requests === 1)
    const stopped = balancer.stop({ drainMs: 5_000 })
    await expect(balancer.fetch('http://users/')).rejects.toMatchObject({ code: 'FAIRLEAD_STOPPED' })
    expect(() => balancer.pick('users')).toThrow(/stopped/)
    expect(await (await pending).text()).toBe('done')
    await stopped
    expect(balancer.inFlight).toBe(0)
  })

  it('cuts off what is still in flight when drainMs is over', async () => {
    const [a] = await startEndpoints(1)
    a.handle = () => {}
    const balancer = balancerOver([a])
    const pending = balancer.fetch('http://users/').catch((error: unknown) => error)
    await until(() => a.requests === 1)
    await balancer.stop({ drainMs: 50 })
    expect(await pending).toBeInstanceOf(Error)
    expect(balancer.inFlight).toBe(0)
  })
})

/** Waits for something that is about to be true; a test's own time-out is its bound. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(5)
}
