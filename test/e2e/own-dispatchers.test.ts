import { Worker } from 'node:worker_threads'
import { type Agent, Client, type Dispatcher, MockAgent, Pool, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Balancer, ConfigError, defineDispatcher } from '../../lib/index.js'
import type { ServiceConfig } from '../../lib/model/index.js'
import { startEndpoints } from '../support/http-servers.js'
import { undici8 } from '../support/undici-generations.js'

function balancerOf(service: ServiceConfig): Balancer {
  const balancer = new Balancer({ services: { users: service }, seed: 1 })
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

function mockAgent(): MockAgent {
  const mock = new MockAgent()
  mock.disableNetConnect()
  onTestFinished(() => mock.close())
  return mock
}

const textOf = async (balancer: Balancer, path = '/'): Promise<string> =>
  (await balancer.fetch(`http://users${path}`)).text()

const A = 'http://a.test:8080'
const B = 'http://b.test:8080'

describe('endpoints with dispatchers of the user', () => {
  it('mocks: each endpoint its MockPool; statuses, errors and retries count as those of any endpoint', async () => {
    const mock = mockAgent()
    const [a, b] = [mock.get(A), mock.get(B)]
    const balancer = balancerOf({
      endpoints: [
        { id: 'a', url: A, dispatcher: a },
        { id: 'b', url: B, dispatcher: b },
      ],
      policy: 'round-robin',
      outlier: false,
    })
    a.intercept({ path: '/', method: 'GET' }).reply(503, 'sick').times(2)
    b.intercept({ path: '/', method: 'GET' }).reply(200, 'from b').times(2)
    expect([await textOf(balancer), await textOf(balancer)]).toEqual(['from b', 'from b'])
    a.intercept({ path: '/lost' })
      .replyWithError(Object.assign(new Error('lost'), { code: 'ECONNRESET' }))
      .times(9)
    b.intercept({ path: '/lost' }).reply(200, 'found').times(2)
    expect([await textOf(balancer, '/lost'), await textOf(balancer, '/lost')]).toEqual(['found', 'found'])
    expect(balancer.stats().services.users).toMatchObject({ succeeded: 4, failed: 0, inFlight: 0 })
    expect(balancer.stats().services.users.endpoints.a.failed).toBeGreaterThanOrEqual(2)

    a.intercept({ path: '/post', method: 'POST', body: 'asked' }).reply(200, 'posted').persist()
    b.intercept({ path: '/post', method: 'POST', body: 'asked' }).reply(200, 'posted').persist()
    const posted = await balancer.fetch('http://users/post', { method: 'POST', body: 'asked' })
    expect(await posted.text()).toBe('posted')
  })

  it('what no mock matches is told to the caller, and blames nobody', async () => {
    const mock = mockAgent()
    const endpoints = [
      { id: 'a', url: A, dispatcher: mock.get(A) },
      { id: 'b', url: B, dispatcher: mock.get(B) },
    ]
    const balancer = balancerOf({ endpoints })
    const failure = await balancer.fetch('http://users/').catch((error: unknown) => error)
    expect(failure).toMatchObject({ cause: { code: 'UND_MOCK_ERR_MOCK_NOT_MATCHED' } })
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
  })

  it('one MockAgent for all: it is told the origin of the endpoint', async () => {
    const mock = mockAgent()
    for (const origin of [A, B]) mock.get(origin).intercept({ path: '/' }).reply(200, origin).persist()
    const balancer = balancerOf({ endpoints: [A, B], policy: 'round-robin', client: { dispatcher: mock } })
    expect([await textOf(balancer), await textOf(balancer)].sort()).toEqual([A, B])
  })

  it('a handler that throws in a mock is told once', async () => {
    const mock = mockAgent()
    mock.get(A).intercept({ path: '/' }).reply(200, 'x').persist()
    const balancer = balancerOf({ endpoints: [A], client: { dispatcher: mock } })
    const told: string[] = []
    const handler = {
      onConnect: () => void told.push('onConnect'),
      onHeaders() {
        told.push('onHeaders')
        throw new Error('broke')
      },
      onData: () => void told.push('onData'),
      onComplete: () => void told.push('onComplete'),
      onError: (error: Error) => void told.push(error.message),
    }
    balancer.dispatcher().dispatch({ origin: 'http://users', path: '/', method: 'GET' }, handler as never)
    expect(told).toEqual(['onConnect', 'onHeaders', 'broke'])
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
  })

  it('a factory: made once an endpoint, of the client options, and closed by fairlead', async () => {
    const [a, b] = await startEndpoints(2)
    const made: [string, number | null | undefined, Client][] = []
    const balancer = balancerOf({
      endpoints: [a.url, b.url],
      policy: 'round-robin',
      client: {
        bodyTimeout: 1234,
        dispatcher: ({ url }, options) => {
          const client = new Client(url, options as Client.Options)
          made.push([url, options.bodyTimeout, client])
          return client
        },
      },
    })
    for (let i = 0; i < 4; i++) await textOf(balancer)
    expect(made.map(([url, bodyTimeout]) => [url, bodyTimeout])).toEqual([
      [a.url, 1234],
      [b.url, 1234],
    ])
    balancer.service('users').remove(a.url)
    await expect.poll(() => made[0][2].closed).toBe(true)
    await balancer.stop({ drainMs: 0 })
    expect(made[1][2].destroyed).toBe(true)
  })

  it('an object stays open: it is its owner who closes it', async () => {
    const [a] = await startEndpoints(1)
    const pool = new Pool(a.url)
    onTestFinished(() => pool.destroy())
    const balancer = balancerOf({ endpoints: [{ url: a.url, dispatcher: pool }] })
    expect(await textOf(balancer)).toBe('a')
    await balancer.stop({ drainMs: 0 })
    expect(pool.closed || pool.destroyed).toBe(false)
  })

  it('one of undici 8', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (incoming, response) => {
      if (incoming.url === '/breaks') return incoming.socket.destroy()
      incoming.pipe(response)
    }
    const agent = new (undici8<typeof Agent>('dispatcher/agent'))()
    onTestFinished(() => agent.destroy())
    const balancer = balancerOf({ endpoints: [{ id: 'a', url: a.url, dispatcher: agent }], outlier: false })
    const dispatcher = balancer.dispatcher()
    const body = 'x'.repeat(200_000)
    const answer = await request('http://users/', { dispatcher, method: 'POST', body })
    expect(await answer.body.text()).toBe(body)
    await expect(request('http://users/breaks', { dispatcher })).rejects.toMatchObject({
      code: 'UND_ERR_SOCKET',
      fairlead: { tries: Array(3).fill({ endpoint: 'a', code: 'UND_ERR_SOCKET' }) },
    })
  })

  it('what a factory throws or returns amiss is told to the caller, and blames nobody', async () => {
    const [a, b] = await startEndpoints(2)
    let give: () => unknown = () => {
      throw new Error('no certificate')
    }
    const balancer = balancerOf({
      endpoints: [a.url, b.url],
      client: { dispatcher: () => give() as Dispatcher },
    })
    const dispatcher = balancer.dispatcher()
    await expect(request('http://users/', { dispatcher })).rejects.toThrow('no certificate')
    give = () => 5
    await expect(request('http://users/', { dispatcher })).rejects.toMatchObject({
      code: 'FAIRLEAD_ARGUMENT',
      message: expect.stringContaining('"users"'),
    })
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
    give = () => new Pool(a.url)
    expect(['a', 'b']).toContain(await (await request('http://users/', { dispatcher })).body.text())
  })

  it('changes with the configuration: update, add, set, rules', async () => {
    const mock = mockAgent()
    const one = (text: string) => {
      const agent = new MockAgent()
      agent.disableNetConnect()
      agent.get(A).intercept({ path: '/' }).reply(200, text).persist()
      return agent
    }
    const config = (dispatcher: Dispatcher) => ({
      services: { users: { endpoints: [{ url: A, dispatcher }] } },
    })
    const balancer = new Balancer(config(one('first')))
    onTestFinished(() => balancer.stop({ drainMs: 0 }))
    expect(await textOf(balancer)).toBe('first')
    await balancer.update(config(one('second')))
    expect(await textOf(balancer)).toBe('second')
    balancer.service('users').set(A, { weight: 3 })
    expect(await textOf(balancer)).toBe('second')
    balancer.rules.add({ id: 'r', service: 'users', weights: { [A]: 5 } })
    expect(await textOf(balancer)).toBe('second')
    await balancer.update({ services: { users: { endpoints: [A], client: { dispatcher: one('third') } } } })
    expect(await textOf(balancer)).toBe('third')
    mock.get(B).intercept({ path: '/' }).reply(200, 'added').persist()
    balancer.service('users').add({ url: B, dispatcher: mock })
    balancer.service('users').remove(A)
    expect(await textOf(balancer)).toBe('added')
  })

  it('is refused with every other fault where it is no dispatcher', () => {
    const config = {
      services: {
        users: {
          endpoints: [
            { url: A, dispatcher: 5 },
            { url: B, metadata: { dispatcher: () => {} } },
          ],
          client: { dispatcher: {} },
        },
        orders: { endpoints: [], client: { dispatcher: 'nobody-knows' } },
      },
    }
    expect(() => new Balancer(config as never)).toThrow(ConfigError)
    try {
      new Balancer(config as never)
    } catch (error) {
      expect((error as ConfigError).faults.map(({ path }) => path).sort()).toEqual([
        'services.orders.client.dispatcher',
        'services.users.client.dispatcher',
        'services.users.endpoints[0].dispatcher',
        'services.users.endpoints[1].metadata.dispatcher',
      ])
    }
  })
})

describe('over threads', () => {
  it('a balancer with an object or a function cannot be shared, and says so', async () => {
    const mock = mockAgent()
    const balancer = balancerOf({
      endpoints: [{ url: A, dispatcher: mock }],
      client: { dispatcher: () => mock },
    })
    const sharing = () => balancer.handle
    expect(sharing).toThrow(ConfigError)
    expect(sharing).toThrow(
      /users\.client\.dispatcher.*\n.*users\.endpoints\[0\]\.dispatcher.*defineDispatcher/,
    )
    // It goes on, alone.
    mock.get(A).intercept({ path: '/' }).reply(200, 'alone')
    expect(await textOf(balancer)).toBe('alone')
  })

  it('a shared balancer takes none, and stays as it was', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOf({ endpoints: [a.url] })
    expect(balancer.handle).toBeDefined()
    const dispatcher = mockAgent()
    await expect(
      balancer.update({ services: { users: { endpoints: [{ url: a.url, dispatcher }] } } }),
    ).rejects.toBeInstanceOf(ConfigError)
    expect(() => balancer.service('users').add({ url: B, dispatcher })).toThrow(ConfigError)
    expect(balancer.service('users').endpoints.map(({ url }) => url)).toEqual([a.url])
    expect(await textOf(balancer)).toBe('a')
  })

  it('a name that each thread defines goes over threads; a thread that does not define it is told so', async () => {
    const [a] = await startEndpoints(1)
    const made: string[] = []
    defineDispatcher('named', ({ id, url }, options) => {
      made.push(id)
      return new Pool(url, options)
    })
    const balancer = balancerOf({ endpoints: [{ id: 'a', url: a.url }], client: { dispatcher: 'named' } })
    expect(await textOf(balancer)).toBe('a')
    expect(made).toEqual(['a'])
    const program = `
      const { parentPort, workerData } = require('node:worker_threads')
      import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}).then(async ({ Balancer, defineDispatcher }) => {
        const { Pool } = await import(${JSON.stringify(import.meta.resolve('undici'))})
        const balancer = Balancer.attach(workerData)
        const without = await balancer.fetch('http://users/').catch((error) => error.code + ' ' + error.message)
        defineDispatcher('named', ({ url }) => new Pool(url))
        const text = await (await balancer.fetch('http://users/')).text()
        await balancer.stop()
        parentPort.postMessage({ without, text })
      })`
    const worker = new Worker(program, { eval: true, workerData: balancer.handle })
    onTestFinished(() => void worker.terminate())
    const said = await new Promise((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
    expect(said).toEqual({
      without: expect.stringMatching(/^FAIRLEAD_CONFIG [\s\S]*defineDispatcher\("named"/),
      text: 'a',
    })
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
  })
})
