import { inspect } from 'node:util'
import { expect, it, onTestFinished } from 'vitest'
import { Balancer } from '../../lib/index.js'

function balancerOf(services: number, endpoints: number): Balancer {
  const urls = (n: number) =>
    Array.from({ length: endpoints }, (_, i) => `http://10.${n >> 8}.${n & 255}.${i + 1}:80`)
  const balancer = new Balancer({
    services: Object.fromEntries(
      Array.from({ length: services }, (_, n) => [`service-${n}`, { endpoints: urls(n) }]),
    ),
  })
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

it('shows a balancer, a service and a lease in a few lines', () => {
  const balancer = balancerOf(1, 2)
  balancer.service('service-0').set('http://10.0.0.2', { state: 'drain' })
  const lease = balancer.pick('service-0')
  expect(inspect(balancer)).toMatch(
    /^Balancer \{\s+engine: '(native|fallback)',\s+stopped: false,\s+services: \{ 'service-0': '2 endpoints, 1 ready, 1 in flight' \}\s+\}$/,
  )
  expect(inspect(balancer.service('service-0'))).toBe(
    `Service service-0 {
  policy: 'peak-ewma',
  endpoints: {
    'http://10.0.0.1': 'ready, 1 in flight',
    'http://10.0.0.2': 'drain, 0 in flight'
  }
}`,
  )
  expect(inspect(lease)).toBe("Lease { service: 'service-0', endpoint: 'http://10.0.0.1', ended: false }")
  lease.end()
  expect(inspect({ lease })).toContain('ended: true')
})

it('is as short for many services and endpoints, and inside of something else', () => {
  const balancer = balancerOf(30, 30)
  for (const shown of [inspect(balancer), inspect(balancer.service('service-7'))]) {
    expect(shown.split('\n').length).toBeLessThan(20)
    expect(shown).toContain("'...': '20 more'")
  }
  expect(inspect({ a: { b: { balancer } } })).toContain('[Balancer]')
  expect(inspect({ a: { b: { service: balancer.service('service-7') } } })).toContain('[Service service-7]')
})

it('shows a balancer that was stopped', async () => {
  const balancer = balancerOf(1, 1)
  const service = balancer.service('service-0')
  await balancer.stop({ drainMs: 0 })
  expect(inspect(balancer)).toContain('stopped: true')
  expect(inspect(service)).toContain('Service service-0')
})
