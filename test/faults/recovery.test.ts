import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ServiceConfig } from '../../lib/model/index.js'
import { balancerOver, startEndpoints } from '../support/http-servers.js'

/** Sends idempotent requests, `width` at a time, until told to stop; counts answers by endpoint and keeps every failure. */
function load(balancer: ReturnType<typeof balancerOver>, width: number) {
  const answers: Record<string, number> = {}
  const failures: unknown[] = []
  let running = true
  const worker = async () => {
    while (running) {
      try {
        const response = await balancer.fetch('http://users/')
        const text = await response.text()
        if (response.status === 200) answers[text] = (answers[text] ?? 0) + 1
        else failures.push(response.status)
      } catch (error) {
        failures.push(error)
      }
      await sleep(1)
    }
  }
  const workers = Array.from({ length: width }, worker)
  return {
    answers,
    failures,
    async stop() {
      running = false
      await Promise.all(workers)
    },
  }
}

/** Waits until `count()` has grown by `by`. The test's own time-out is the bound. */
async function growth(count: () => number, by: number): Promise<void> {
  const start = count()
  while (count() < start + by) await sleep(5)
}

const variants: [string, Partial<ServiceConfig>][] = [
  ['without active checks', {}],
  ['with HTTP checks', { health: { http: { path: '/' }, interval: 200, timeout: 100 } }],
  ['with TCP checks', { health: { tcp: true, interval: 200, timeout: 100 } }],
]

describe.each(variants)('an endpoint that dies and comes back, %s', (_name, service) => {
  it('costs no idempotent request, and gets its traffic back', async () => {
    const endpoints = await startEndpoints(3)
    const balancer = balancerOver(endpoints, service)
    const changes: string[] = []
    balancer.on('endpoint', ({ type, endpoint }) => changes.push(`${endpoint.id} ${type}`))
    await balancer.start()
    const traffic = load(balancer, 20)
    const of = (name: string) => () => traffic.answers[name] ?? 0
    await growth(of('a'), 50)

    await endpoints[0].kill()
    await growth(of('b'), 100)
    await growth(of('c'), 100)
    const whileDead = of('a')()
    await growth(of('b'), 100)
    expect(of('a')()).toBe(whileDead)
    await sleep(1500)

    await endpoints[0].start()
    await growth(of('a'), 100)
    await traffic.stop()
    expect(traffic.failures).toEqual([])
    // The first passing check of each is an event; nothing else happens to the endpoints that live.
    expect(changes.filter((change) => !change.startsWith('a ') && !change.endsWith(' healthy'))).toEqual([])
    expect(changes.some((change) => change === 'a ejected' || change === 'a unhealthy')).toBe(true)
    const { users } = balancer.stats().services
    const answered = Object.values(traffic.answers).reduce((sum, n) => sum + n)
    expect(users).toMatchObject({ requests: answered, succeeded: answered, failed: 0, inFlight: 0 })
  })
})

it('keeps answering from the last endpoint while all others are dead', async () => {
  const endpoints = await startEndpoints(3)
  const balancer = balancerOver(endpoints)
  await endpoints[0].kill()
  await endpoints[1].kill()
  for (let i = 0; i < 100; i++) expect(await (await balancer.fetch('http://users/')).text()).toBe('c')
  expect(balancer.stats().services.users).toMatchObject({ requests: 100, failed: 0 })
})

it('takes a sick endpoint (500s) out, and lets one request an ejection probe it', async () => {
  const endpoints = await startEndpoints(3)
  endpoints[0].handle = (_request, response) => response.writeHead(500).end()
  const balancer = balancerOver(endpoints, {
    policy: 'round-robin',
    outlier: { baseEjectionMs: 300, maxEjectionMs: 300 },
  })
  while (balancer.stats().services.users.endpoints.a.state !== 'ejected')
    await balancer.fetch('http://users/')
  expect(endpoints[0].requests).toBe(5)
  for (let i = 0; i < 20; i++) expect((await balancer.fetch('http://users/')).status).toBe(200)
  await sleep(350)
  const statuses = await Promise.all(
    Array.from({ length: 30 }, async () => (await balancer.fetch('http://users/')).status),
  )
  expect(statuses.filter((status) => status === 500)).toHaveLength(1)
  expect(endpoints[0].requests).toBe(6)
})
