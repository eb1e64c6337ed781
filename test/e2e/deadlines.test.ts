/** Deadlines over real servers: from one to the next, over retries and waits, with what is left sent on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Balancer, deadlineFrom } from '../../lib/index.js'
import type { ServiceConfig } from '../../lib/model/index.js'
import { startEndpoints, type TestEndpoint } from '../support/http-servers.js'
import { until } from '../support/until.js'

function balancerOf(endpoints: readonly TestEndpoint[], rest: Partial<ServiceConfig> = {}): Balancer {
  const balancer = new Balancer({
    services: { next: { endpoints: endpoints.map(({ url }) => url), ...rest } },
  })
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

const MISSED = { code: 'FAIRLEAD_DEADLINE' }

describe('a deadline', () => {
  test('ends a request that is not answered, and says nothing of its endpoint', async () => {
    const [a] = await startEndpoints(1)
    a.handle = () => {}
    const balancer = balancerOf([a])
    for (let i = 0; i < 8; i++)
      await expect(balancer.fetch('http://next/', { balance: { deadlineMs: 30 } })).rejects.toMatchObject(
        MISSED,
      )
    const { cancelled, endpoints } = balancer.stats().services['next']
    expect(cancelled).toBe(8)
    expect(endpoints[a.url].state).toBe('ready')
    expect(balancer.inFlight).toBe(0)
  })

  test('is kept when the answer begins: the body may take longer', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (_, response) => {
      response.write('be')
      setTimeout(() => response.end('gun'), 300)
    }
    const response = await balancerOf([a]).fetch('http://next/', { balance: { deadlineMs: 150 } })
    expect(await response.text()).toBe('begun')
  })

  test('that is over sends nothing', async () => {
    const [a] = await startEndpoints(1)
    let requests = 0
    a.handle = (_, response) => {
      requests++
      response.end()
    }
    const balancer = balancerOf([a])
    await expect(balancer.fetch('http://next/', { balance: { deadlineMs: 0 } })).rejects.toMatchObject(MISSED)
    await balancer.with({ deadlineMs: 10 }, async () => {
      await sleep(20)
      await expect(balancer.fetch('http://next/')).rejects.toMatchObject(MISSED)
      await expect(balancer.acquire('next')).rejects.toMatchObject(MISSED)
    })
    expect(requests).toBe(0)
  })

  test('no try begins after it, and each is told what is left', async () => {
    const endpoints = await startEndpoints(3)
    const left: number[] = []
    for (const one of endpoints)
      one.handle = (request, response) => {
        left.push(deadlineFrom(request.headers) as number)
        setTimeout(() => response.writeHead(503).end(), 60)
      }
    const balancer = balancerOf(endpoints, {
      retry: { attempts: 20, backoffBaseMs: 20, backoffMaxMs: 20 },
      outlier: false,
    })
    // On a busy machine there may be time for one try only: then once more.
    for (let tries = 0; tries < 2; ) {
      left.length = 0
      const begun = performance.now()
      await expect(balancer.fetch('http://next/', { balance: { deadlineMs: 200 } })).rejects.toMatchObject(
        MISSED,
      )
      expect(performance.now() - begun).toBeGreaterThan(150)
      tries = left.length
      expect(left.every((ms, i) => ms >= 0 && ms <= 200 && (i === 0 || ms < left[i - 1]))).toBe(true)
      await sleep(100)
      expect(left).toHaveLength(tries)
    }
  })

  test('covers the wait for a place', async () => {
    const [a] = await startEndpoints(1)
    a.handle = () => {}
    const balancer = balancerOf([a], {
      limits: { perEndpoint: { maxRequests: 1 } },
      queue: { deadlineMs: 60_000 },
    })
    const first = balancer.fetch('http://next/').catch(() => {})
    await until(() => balancer.inFlight === 1)
    await expect(balancer.fetch('http://next/', { balance: { deadlineMs: 50 } })).rejects.toMatchObject({
      code: expect.stringMatching(/^FAIRLEAD_(?:DEADLINE|OVERLOADED)$/),
    })
    await balancer.stop({ drainMs: 0 })
    await first
  })

  test.each([
    ['grpc-timeout', /^\d+m$/],
    ['x-budget', /^\d+$/],
    [false, undefined],
  ] as const)('is sent as %s', async (deadlineHeader, form) => {
    const [a] = await startEndpoints(1)
    const seen: NodeJS.Dict<string | string[]>[] = []
    a.handle = (request, response) => {
      seen.push(request.headers)
      response.end()
    }
    const balancer = balancerOf([a], { client: { deadlineHeader } })
    await balancer.fetch('http://next/', { balance: { deadlineMs: 5_000 }, headers: { 'x-own': 'kept' } })
    await balancer.fetch('http://next/')
    if (form === undefined) expect(seen[0]).not.toHaveProperty('fairlead-timeout-ms')
    else expect(seen[0][deadlineHeader as string]).toMatch(form)
    expect(seen[0]['x-own']).toBe('kept')
    expect(Object.keys(seen[1]).filter((name) => /timeout|budget/.test(name))).toEqual([])
  })
})

test('travels: A calls B calls C with 500 ms, and none begins after it', { timeout: 30_000 }, async () => {
  const [c, b, a] = await startEndpoints(3)
  const begun: number[] = []
  let cLeft: number | undefined
  c.handle = (request) => {
    cLeft = deadlineFrom(request.headers)
    begun.push(performance.now())
  }
  const relay =
    (balancer: Balancer): TestEndpoint['handle'] =>
    (request, response) => {
      begun.push(performance.now())
      const deadlineMs = deadlineFrom(request.headers)
      expect(deadlineMs).toBeDefined()
      void balancer.with({ deadlineMs: deadlineMs as number }, async () => {
        // What it does first comes off what is left.
        await sleep(100)
        const status = await balancer.fetch('http://next/').then(
          (answer) => answer.status,
          () => 504,
        )
        response.writeHead(status).end()
      })
    }
  b.handle = relay(balancerOf([c], { retry: { attempts: 5 } }))
  a.handle = relay(balancerOf([b], { retry: { attempts: 5 } }))
  const caller = balancerOf([a])
  // On a busy machine C may not be reached in time: then once more.
  for (let reached = 0; reached < 3; ) {
    begun.length = 0
    const first = performance.now()
    await expect(caller.fetch('http://next/', { balance: { deadlineMs: 500 } })).rejects.toMatchObject(MISSED)
    await sleep(300)
    reached = begun.length
    for (const at of begun) expect(at - first).toBeLessThan(500)
  }
  expect(cLeft).toBeGreaterThan(0)
  expect(cLeft).toBeLessThanOrEqual(300)
})
