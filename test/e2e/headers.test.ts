import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { answering, balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'

/** Each form in which a request's headers may come, made anew for each request. */
const FORMS: [string, () => unknown][] = [
  ['a record', () => ({ 'X-User': 'alice', cookie: 'sid=alice' })],
  ['a flat list', () => ['X-User', 'alice', 'cookie', 'sid=alice']],
  [
    'a list of pairs',
    () => [
      ['X-User', 'alice'],
      ['cookie', 'sid=alice'],
    ],
  ],
  ['Headers', () => new Headers({ 'X-User': 'alice', cookie: 'sid=alice' })],
  [
    'a Map',
    () =>
      new Map([
        ['X-User', 'alice'],
        ['cookie', 'sid=alice'],
      ]),
  ],
  [
    'a generator',
    () =>
      (function* () {
        yield ['X-User', 'alice']
        yield ['cookie', 'sid=alice']
      })(),
  ],
  [
    'an object with an iterator of its own',
    () => ({
      *[Symbol.iterator]() {
        yield ['X-User', ['alice', 'bob']]
        yield ['cookie', 'sid=alice']
      },
    }),
  ],
]

/** Where 24 requests of one user went. */
async function places(
  hashOn: object,
  send: (balancer: ReturnType<typeof balancerOver>) => Promise<string>,
): Promise<Set<string>> {
  const balancer = balancerOver(await startEndpoints(4), { policy: 'ring-hash', hashOn: hashOn as never })
  const seen = new Set<string>()
  for (let i = 0; i < 24; i++) seen.add(await send(balancer))
  return seen
}

describe('headers in every form', () => {
  it.each(FORMS)('%s: hashOn sees them', async (_what, make) => {
    for (const hashOn of [{ header: 'x-user' }, { cookie: 'sid' }]) {
      const seen = await places(hashOn, async (balancer) => {
        const options = { dispatcher: balancer.dispatcher(), headers: make() as never }
        return (await request('http://users/', options)).body.text()
      })
      expect(seen.size).toBe(1)
    }
  })

  it.each(FORMS)(
    '%s: they are sent by every try, with the Host that client.host asks for',
    async (_what, make) => {
      const endpoints = await startEndpoints(2)
      const sent: unknown[][] = []
      let count = 0
      const handle: TestEndpoint['handle'] = (incoming, response) => {
        const { headers } = incoming
        sent.push([headers['x-user'], headers.cookie, headers.host])
        answering('x', count++ === 0 ? 503 : 200)(incoming, response)
      }
      for (const endpoint of endpoints) endpoint.handle = handle
      const balancer = balancerOver(endpoints, { client: { host: 'service' } })
      const options = { dispatcher: balancer.dispatcher(), headers: make() as never }
      expect((await request('http://users/', options)).statusCode).toBe(200)
      const user = expect.stringMatching(/^alice(, bob)?$/)
      expect(sent).toEqual(Array(2).fill([user, 'sid=alice', 'users']))

      // The connection refused: the next endpoint gets them too.
      await endpoints[0].kill()
      sent.length = 0
      const plain = balancerOver(endpoints, { policy: 'round-robin', outlier: false })
      for (let i = 0; i < 2; i++) {
        const again = { dispatcher: plain.dispatcher(), headers: make() as never }
        expect((await request('http://users/', again)).statusCode).toBe(200)
      }
      expect(sent).toEqual(Array(2).fill([user, 'sid=alice', endpoints[1].host]))
    },
  )

  it('what the headers throw is told to the caller, and blames nobody', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a])
    const dispatcher = balancer.dispatcher()
    const headers = (function* () {
      yield ['a', 'b']
      throw new Error('no more headers')
    })()
    await expect(request('http://users/', { dispatcher, headers: headers as never })).rejects.toThrow(
      'no more headers',
    )
    const value = { a: [{ toString: () => 'x' }] }
    await expect(request('http://users/', { dispatcher, headers: value as never })).rejects.toMatchObject({
      code: 'UND_ERR_INVALID_ARG',
    })
    expect(a.requests).toBe(0)
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, retried: 0, inFlight: 0 })
  })
})

describe("undici's query option", () => {
  it('is seen by hashOn', async () => {
    const query = { user: 7, list: [1, 2], odd: 'ä&=?' }
    const paths = new Set<string>()
    for (const hashOn of [{ query: 'user' }, { query: 'odd' }, { path: true }]) {
      const seen = await places(hashOn, async (balancer) => {
        const options = { dispatcher: balancer.dispatcher(), query }
        const { body } = await request('http://users/a', options)
        return body.text()
      })
      expect(seen.size).toBe(1)
      for (const path of seen) paths.add(path)
    }
  })

  it('goes to the same endpoint as the same query in the URL, and another user elsewhere', async () => {
    const endpoints = await startEndpoints(4)
    const balancer = balancerOver(endpoints, { policy: 'ring-hash', hashOn: { query: 'user' } })
    const dispatcher = balancer.dispatcher()
    const at = new Set<string>()
    for (let user = 0; user < 16; user++) {
      const byOption = await request('http://users/a', { dispatcher, query: { user } })
      const byUrl = await request(`http://users/a?user=${user}`, { dispatcher })
      const name = await byOption.body.text()
      expect(await byUrl.body.text()).toBe(name)
      at.add(name)
    }
    expect(at.size).toBeGreaterThan(1)
  })
})
