import { createServer as createHttpsServer } from 'node:https'
import { request, WebSocket } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Balancer, SchemeError } from '../../lib/index.js'
import type { ServiceConfig } from '../../lib/model/index.js'
import { serve, tlsFixture } from '../support/health-servers.js'
import { balancerOver, startEndpoints } from '../support/http-servers.js'

async function startTls(name: string): Promise<string> {
  const server = createHttpsServer({ ...tlsFixture.server, ca: tlsFixture.ca }, (_incoming, response) => {
    response.end(name)
  })
  const { port } = await serve(server)
  return `https://127.0.0.1:${port}`
}

const TLS = { connect: { ca: tlsFixture.ca, servername: 'users.test' } }

function balancerAt(endpoints: readonly string[], service: Partial<ServiceConfig> = {}): Balancer {
  const balancer = new Balancer({ services: { users: { endpoints: [...endpoints], ...service } }, seed: 1 })
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

describe('a request that asks for TLS', () => {
  it('is refused where there are only http: endpoints: nothing is sent, nobody blamed', async () => {
    const [a, b] = await startEndpoints(2)
    const balancer = balancerOver([a, b])
    const failure = await balancer.fetch('https://users/secret').catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SchemeError)
    expect(failure).toMatchObject({
      code: 'FAIRLEAD_SCHEME',
      service: 'users',
      endpoints: ['a', 'b'],
      fairlead: { service: 'users', tries: [] },
      message: expect.stringMatching(/https:\/\/users .*"users".* a, b.*"http:\/\/users".*allowPlaintext/),
    })
    const dispatcher = balancer.dispatcher()
    await expect(request('https://users/', { dispatcher })).rejects.toMatchObject({ code: 'FAIRLEAD_SCHEME' })
    await expect(request('https://USERS:443/', { dispatcher })).rejects.toMatchObject({
      code: 'FAIRLEAD_SCHEME',
    })
    for (const origin of ['https://users', 'HTTPS://users', 'wss://users', new URL('https://users')]) {
      const error = await new Promise((resolve) => {
        const handler = { onConnect() {}, onHeaders() {}, onData() {}, onComplete() {}, onError: resolve }
        dispatcher.dispatch({ origin, path: '/', method: 'GET' }, handler as never)
      })
      expect(error).toMatchObject({ code: 'FAIRLEAD_SCHEME' })
    }
    const socket = new WebSocket('wss://users/', { dispatcher })
    await new Promise((resolve) => socket.addEventListener('close', resolve))
    expect([a.requests, b.requests, a.connections, b.connections]).toEqual([0, 0, 0, 0])
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
  })

  it('goes out in clear text where client.allowPlaintext says so', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { client: { allowPlaintext: true } })
    expect(await (await balancer.fetch('https://users/')).text()).toBe('a')
  })

  it.each(['peak-ewma', 'round-robin', 'ring-hash', 'random', 'weighted-round-robin'] as const)(
    'of a mixed service goes to the https: endpoints alone, under %s; http: ones to all',
    async (policy) => {
      const plain = await startEndpoints(2)
      const tls = [await startTls('x'), await startTls('y')]
      const urls = [plain[0].url, tls[0], plain[1].url, tls[1]]
      const balancer = balancerAt(urls, { policy, client: TLS })
      const seen = new Set<string>()
      for (let i = 0; i < 24; i++)
        seen.add(await (await balancer.fetch('https://users/', { balance: { key: `k${i}` } })).text())
      expect([...seen].sort()).toEqual(['x', 'y'])
      expect(plain.map(({ requests }) => requests)).toEqual([0, 0])
      for (let i = 0; i < 60; i++)
        seen.add(await (await balancer.fetch('http://users/', { balance: { key: `k${i}` } })).text())
      expect([...seen].sort()).toEqual(['a', 'b', 'x', 'y'])
      expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, cancelled: 0 })
    },
  )

  it('of a mixed service fails where the https: endpoints do, rather than go elsewhere in clear text', async () => {
    const [plain] = await startEndpoints(1)
    // Nobody listens there.
    const balancer = balancerAt([plain.url, 'https://127.0.0.1:1'], { client: TLS })
    for (let i = 0; i < 10; i++) {
      const failure = (await balancer.fetch('https://users/').catch((error: unknown) => error)) as Error
      expect(failure).toBeInstanceOf(Error)
    }
    expect(plain.requests).toBe(0)
    expect(balancer.stats().services.users.endpoints[plain.url]).toMatchObject({ requests: 0, failed: 0 })
    // An endpoint that speaks TLS may be added at any time.
    balancer.service('users').add(await startTls('new'))
    await expect.poll(async () => (await balancer.fetch('https://users/')).text()).toBe('new')
    expect(plain.requests).toBe(0)
  })
})
