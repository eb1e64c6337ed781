/** Where the demonstration's endpoints come from: each kind, with real requests. */
import { expect, it } from 'vitest'
import { SOURCE_KINDS, serviceFrom } from '../../lib/cli/demo/source.js'
import { Balancer } from '../../lib/index.js'
import { TestEndpoint } from '../support/http-servers.js'

it.each(SOURCE_KINDS)('%s', async (kind) => {
  const servers = await Promise.all(
    ['A', 'B', 'C'].map((name) => new TestEndpoint(name, (_request, response) => response.end(name)).start()),
  )
  const endpoints = servers.map(({ name, url }) => ({ id: name, url }))
  const balancer = new Balancer({ services: { demo: await serviceFrom(kind, endpoints) } })
  try {
    await balancer.start()
    expect(balancer.service('demo').endpoints.map(({ url }) => url)).toEqual(endpoints.map(({ url }) => url))
    const texts = Array.from({ length: 30 }, async () => (await balancer.fetch('http://demo/')).text())
    expect([...new Set(await Promise.all(texts))].sort()).toEqual(['A', 'B', 'C'])
  } finally {
    await balancer.stop({ drainMs: 0 })
    await Promise.all(servers.map((server) => server.kill()))
  }
})
