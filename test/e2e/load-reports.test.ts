/** What endpoints say of their load, over real connections: in answers, and when they are probed. */
import { request } from 'undici'
import { describe, expect, it } from 'vitest'
import { LoadReporter } from '../../lib/index.js'
import { balancerOver, startEndpoints } from '../support/http-servers.js'

const HEADER = 'endpoint-load-metrics'

describe('resource-based with weights: orca', () => {
  it.each(['fetch', 'dispatcher'] as const)(
    'shares requests by the reports in answers, by %s',
    async (by) => {
      const endpoints = await startEndpoints(2)
      // Both answer 100 a second: one is a fifth in use, the other wholly.
      endpoints.forEach((endpoint, i) => {
        endpoint.handle = (_request, response) => {
          response.setHeader(HEADER, `TEXT cpu_utilization=${i === 0 ? 0.2 : 1},rps_fractional=100`)
          response.end('ok')
        }
      })
      const balancer = balancerOver(endpoints, {
        policy: { name: 'resource-based', weights: 'orca', blackoutMs: 0, updateMs: 100 },
      })
      const dispatcher = balancer.dispatcher()
      const ask = async () => {
        if (by === 'fetch') await (await balancer.fetch('http://users/')).text()
        else await (await request('http://users/', { dispatcher })).body.text()
      }
      const shareOfFirst = async () => {
        const before = endpoints.map(({ requests }) => requests)
        for (let i = 0; i < 60; i++) await ask()
        return (endpoints[0].requests - before[0]) / 60
      }
      await ask()
      await ask()
      // Five to one.
      await expect.poll(shareOfFirst, { timeout: 5_000 }).toBeCloseTo(5 / 6, 1)
    },
  )
})

describe('prequal with probePath', () => {
  it('probes the path, goes by what LoadReporter says, and leaves no connection behind', async () => {
    const endpoints = await startEndpoints(3)
    const probes = [0, 0, 0]
    const served = [0, 0, 0]
    endpoints.forEach((endpoint, i) => {
      // As if other clients had kept the first two busy, and answered after 500 ms, the third after 5 ms.
      let now = 0
      const load = new LoadReporter(() => now)
      const ends = Array.from({ length: 5 }, () => load.begin())
      now = i < 2 ? 500 : 5
      for (const end of ends) end()
      if (i < 2) for (let k = 0; k < 3; k++) load.begin()
      endpoint.handle = (incoming, response) => {
        if (incoming.url === '/load') {
          probes[i]++
          response.setHeader(HEADER, load.header).end()
        } else {
          served[i]++
          response.end('ok')
        }
      }
    })
    const balancer = balancerOver(endpoints, { policy: { name: 'prequal', probePath: '/load' } })
    for (let i = 0; i < 200; i++) {
      await (await balancer.fetch('http://users/')).text()
      // Answers to probes come while the event loop turns.
      await new Promise(setImmediate)
    }
    for (const count of probes) expect(count).toBeGreaterThan(10)
    expect(served.reduce((sum, n) => sum + n)).toBe(200)
    expect(served[2]).toBeGreaterThan(150)
    await balancer.stop({ drainMs: 0 })
    await expect.poll(() => endpoints.reduce((sum, { connections }) => sum + connections, 0)).toBe(0)
  })

  it('serves requests at random where nobody answers the path', async () => {
    const endpoints = await startEndpoints(3)
    for (const endpoint of endpoints)
      endpoint.handle = (incoming, response) => {
        if (incoming.url === '/load') response.socket?.destroy()
        else response.end('ok')
      }
    const balancer = balancerOver(endpoints, { policy: { name: 'prequal', probePath: '/load' } })
    for (let i = 0; i < 60; i++) expect((await balancer.fetch('http://users/')).status).toBe(200)
    const { users } = balancer.stats().services
    expect(users).toMatchObject({ succeeded: 60, failed: 0 })
    for (const { requests } of Object.values(users.endpoints)) expect(requests).toBeGreaterThan(5)
  })
})
