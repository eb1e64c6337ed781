/** What `stop` owes to requests whose endpoint or service has left meanwhile, and to upgraded connections. */
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { upgrade } from 'undici'
import { describe, expect, it } from 'vitest'
import type { Balancer } from '../../lib/index.js'
import { balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'

/** Resolves when a request is held; `release` answers it. */
function holding(endpoint: TestEndpoint): { held: Promise<void>; release: () => void } {
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    endpoint.handle = (_request, response) => {
      release = () => response.end('late')
      resolve()
    }
  })
  return { held, release: () => release() }
}

const other = { services: { other: { endpoints: ['http://127.0.0.1:1'] } } }
const departures: [string, (balancer: Balancer) => unknown][] = [
  ['endpoint', (balancer) => balancer.service('users').remove('a')],
  ['service', (balancer) => balancer.update(other)],
]

describe.each(departures)('a request in flight whose %s has left', (_name, leave) => {
  it('is waited for', async () => {
    const endpoints = await startEndpoints(1)
    const { held, release } = holding(endpoints[0])
    const balancer = balancerOver(endpoints)
    const answer = balancer.fetch('http://users/')
    await held
    await leave(balancer)
    const order: string[] = []
    const stopped = balancer.stop({ drainMs: 10_000 }).then(() => order.push('stopped'))
    const read = answer.then((response) => response.text()).then((text) => order.push(text))
    await sleep(30)
    expect(order).toEqual([])
    release()
    await Promise.all([stopped, read])
    expect(order.sort()).toEqual(['late', 'stopped'])
  })

  it('is cut off when drainMs is over', async () => {
    const endpoints = await startEndpoints(1)
    const { held } = holding(endpoints[0])
    const balancer = balancerOver(endpoints)
    const failure = balancer.fetch('http://users/').catch((error: Error) => error.cause)
    await held
    await leave(balancer)
    await balancer.stop({ drainMs: 30 })
    expect(await failure).toMatchObject({ code: 'UND_ERR_DESTROYED' })
  })
})

describe('an upgraded connection', () => {
  it.each(['in force', 'gone'])(
    'is cut off when drainMs is over, its endpoint being %s',
    async (endpoint) => {
      const endpoints = await startEndpoints(1)
      const balancer = balancerOver(endpoints)
      const { socket } = await upgrade('http://users/', { dispatcher: balancer.dispatcher() })
      const closed = new Promise<void>((resolve) => (socket as Socket).once('close', () => resolve()))
      socket.on('error', () => {}).resume()
      if (endpoint === 'gone') balancer.service('users').remove('a')
      await balancer.stop({ drainMs: 30 })
      await closed
      expect(balancer.stats().services.users).toMatchObject({ requests: 1, succeeded: 1, inFlight: 0 })
    },
  )
})

describe('the time to drain', () => {
  it.each([Number.POSITIVE_INFINITY, 2 ** 40])('may be as long as %d ms', async (drainMs) => {
    const endpoints = await startEndpoints(1)
    const { held, release } = holding(endpoints[0])
    const balancer = balancerOver(endpoints)
    const answer = balancer.fetch('http://users/')
    await held
    const stopped = balancer.stop({ drainMs })
    await sleep(30)
    release()
    expect(await (await answer).text()).toBe('late')
    await stopped
  })

  it.each([null, 5, { drainMs: -1 }, { drainMs: '5' }, { drainMs: Number.NaN }])(
    'is not %j',
    async (options) => {
      const balancer = balancerOver(await startEndpoints(1))
      expect(() => balancer.stop(options as never)).toThrow(/takes/)
      // It goes on.
      expect((await balancer.fetch('http://users/')).status).toBe(200)
    },
  )
})
