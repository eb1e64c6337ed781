/** What the proxy makes of a client's deadline, and of requests that find no place. */
import { expect, it } from 'vitest'
import { ask, startEndpoint, startProxy } from './proxy-fixtures.js'

it('keeps a deadline that a client sends, tells the endpoint what is left, and makes others wait for places', async () => {
  const seen: (string | undefined)[] = []
  const endpoint = await startEndpoint((request, response) => {
    seen.push(request.headers['fairlead-timeout-ms'] as string | undefined)
    if (request.url !== '/never') setTimeout(() => response.end('ok'), 100)
  })
  const proxy = await startProxy({
    services: {
      app: {
        endpoints: [endpoint.url],
        limits: { perEndpoint: { maxRequests: 1 } },
        queue: { deadlineMs: 20_000, discipline: 'fifo' },
      },
    },
  })
  // The first request of a process takes longer than the others.
  await ask(proxy.port, '/')
  seen.length = 0
  const { status, body } = await ask(proxy.port, '/never', { headers: { 'fairlead-timeout-ms': '300' } })
  expect([status, JSON.parse(body).code]).toEqual([504, 'FAIRLEAD_DEADLINE'])
  expect(Number(seen[0])).toBeGreaterThan(0)
  expect(Number(seen[0])).toBeLessThanOrEqual(300)
  const answers = await Promise.all([1, 2, 3].map(() => ask(proxy.port, '/')))
  expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200])
  expect(seen.slice(1)).toEqual([undefined, undefined, undefined])
})
