import * as zlib from 'node:zlib'
import { gzipSync } from 'node:zlib'
import { Agent, type Dispatcher, interceptors, RetryAgent, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'
import { classOf, undici8 } from '../support/undici-generations.js'

type Make = (options?: object) => Dispatcher.DispatcherComposeInterceptor

/** Files of undici 8 by the names of its interceptors; `decompress` needs a Node that knows zstd. */
const PARTS: Record<string, string> = {
  retry: 'retry',
  redirect: 'redirect',
  dump: 'dump',
  responseError: 'response-error',
  cache: 'cache',
  deduplicate: 'deduplicate',
  ...('createZstdDecompress' in zlib ? { decompress: 'decompress' } : {}),
}

const makers: [string, string, Make][] = [
  ...Object.entries(interceptors)
    .filter(([name]) => name !== 'dns')
    .map(([name, make]): [string, string, Make] => [name, 'undici 7', make as Make]),
  ...Object.entries(PARTS).map(([name, part]): [string, string, Make] => [
    name,
    'undici 8',
    undici8<Make & { default?: Make }>(`interceptor/${part}`),
  ]),
]

const OPTIONS: Record<string, object> = {
  retry: { minTimeout: 1, maxTimeout: 5 },
  redirect: { maxRedirections: 2 },
  dump: { maxSize: 3 },
}

/** What each path is for: the interceptor of that name has something to do there. */
function answer(endpoint: TestEndpoint, counts: Map<string, number>): void {
  endpoint.handle = (incoming, response) => {
    const path = incoming.url as string
    const count = (counts.get(path) ?? 0) + 1
    counts.set(path, count)
    if (path === '/retry') response.writeHead(count === 1 ? 429 : 200).end('answered')
    else if (path === '/redirect') response.writeHead(302, { location: '/to' }).end()
    else if (path === '/responseError') response.writeHead(404).end('missing')
    else if (path === '/cache') response.writeHead(200, { 'cache-control': 'max-age=60' }).end('kept')
    else if (path === '/decompress')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('unpacked'))
    else setTimeout(() => response.end('a body'), 20)
  }
}

/** Two requests, one beside the other and then a third: statuses and bodies, or what they reject with. */
async function outcomes(dispatcher: Dispatcher, url: string): Promise<string[]> {
  const one = async (): Promise<string> => {
    try {
      const { statusCode, body } = await request(url, { dispatcher })
      return `${statusCode} ${await body.text()}`
    } catch (error) {
      return classOf(error)
    }
  }
  return [...(await Promise.all([one(), one()])), await one()]
}

describe('interceptors on top of the dispatcher do what they do on top of an Agent', () => {
  it.each(makers)('%s of %s', async (name, _version, make) => {
    const [plain, a] = await startEndpoints(2)
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    // Answers of 429 are the interceptor's to try again.
    const balancer = balancerOver([a])
    const asked = [new Map<string, number>(), new Map<string, number>()]
    answer(plain, asked[0])
    answer(a, asked[1])
    const over = (base: Dispatcher) => base.compose(make(OPTIONS[name]))
    const expected = await outcomes(over(agent), `${plain.url}/${name}`)
    expect(await outcomes(over(balancer.dispatcher()), `http://users/${name}`)).toEqual(expected)
    expect([...asked[1]]).toEqual([...asked[0]])
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
  })

  type Api = { request: (this: Dispatcher, options: object) => Promise<Dispatcher.ResponseData> }

  it.each([
    ['undici 7', RetryAgent, { request: Agent.prototype.request } as unknown as Api],
    ['undici 8', undici8<typeof RetryAgent>('dispatcher/retry-agent'), undici8<Api>('api/index')],
  ])('RetryAgent of %s tries again what the balancer lets through', async (_version, Retrying, api) => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { outlier: false })
    const dispatcher = new Retrying(balancer.dispatcher() as never, { minTimeout: 1, maxTimeout: 5 })
    for (const status of [429, 500]) {
      let count = 0
      a.handle = (_incoming, response) => response.writeHead(count++ === 0 ? status : 200).end('answered')
      const options = { origin: 'http://users', path: '/', method: 'GET' }
      const { statusCode, body } = await api.request.call(dispatcher, options)
      expect([statusCode, await body.text(), count]).toEqual([200, 'answered', 2])
    }
  })

  it('dns resolves the name of a service before the balancer sees it, unless its own lookup leaves it alone', async () => {
    const [a, elsewhere] = await startEndpoints(2)
    const balancer = balancerOver([a])
    const { port } = new URL(elsewhere.url)
    const lookedUp: string[] = []
    const dns = interceptors.dns({
      lookup: (origin: URL, _options: unknown, callback: (error: null, records: object[]) => void) => {
        lookedUp.push(String(origin))
        callback(null, [{ address: '127.0.0.1', family: 4, ttl: 1000, port: Number(port) }])
      },
    } as never)
    const { body } = await request('http://users/', { dispatcher: balancer.dispatcher().compose(dns) })
    expect(await body.text()).toBe('b')
    expect(lookedUp).toHaveLength(1)
    expect(balancer.stats().services.users.requests).toBe(0)

    // What the documentation advises: below the balancer, on what passes through.
    const below = balancer.dispatcher({ passThrough: new Agent().compose(dns) })
    expect(await (await request('http://users/', { dispatcher: below })).body.text()).toBe('a')
    expect(await (await request('http://other.test/', { dispatcher: below })).body.text()).toBe('b')
  })
})
