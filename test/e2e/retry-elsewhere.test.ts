/** A further try goes to endpoints that are not preferred, where those that are have all been tried. */
import { expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { TestEndpoint } from '../support/http-servers.js'

async function serve(name: string): Promise<TestEndpoint> {
  return new TestEndpoint(name, (_request, response) => response.end(name)).start()
}

it.each([
  ['another priority level', [{ priority: 0 }, { priority: 0 }, { priority: 3 }], {}],
  [
    'another zone',
    [{ zone: 'a' }, { zone: 'a' }, { zone: 'b' }],
    { zone: 'a', zoneAware: { minClusterSize: 1 } },
  ],
])('where all preferred ones die at once no request fails: %s', async (_what, places, options) => {
  for (let round = 0; round < 5; round++) {
    const servers = await Promise.all(['one', 'two', 'far'].map(serve))
    const endpoints = servers.map(({ url }, i) => ({ url, ...places[i] }))
    const balancer = new Balancer({ services: { users: { endpoints, ...options } } })
    try {
      const answer = async () => (await balancer.fetch('http://users/')).text()
      for (let i = 0; i < 6; i++) expect(await answer()).not.toBe(undefined)
      await Promise.all(servers.slice(0, 2).map((server) => server.kill()))
      expect(await Promise.all(Array.from({ length: 8 }, answer))).toEqual(Array(8).fill('far'))
    } finally {
      await balancer.stop({ drainMs: 0 })
      await Promise.all(servers.map((server) => server.kill()))
    }
  }
})
