import { describe, expect, it, onTestFinished } from 'vitest'
import { ArgumentError, Balancer } from '../../lib/index.js'
import type { Outcome, PickRequest, ServiceConfig } from '../../lib/model/index.js'

function balancerWith(service: Partial<ServiceConfig> = {}): Balancer {
  const endpoints = ['http://a.test', 'http://b.test', 'http://c.test', 'http://d.test']
  const balancer = new Balancer({ services: { users: { endpoints, ...service } }, seed: 1 })
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

describe('lease.end', () => {
  it.each([
    [null, 'null'],
    ['ok', 'ok'],
    [{ ok: 'yes' }, 'yes'],
    [{ status: '200' }, '200'],
    [{ latencyMs: '12' }, '12'],
    [{ latencyMs: -1 }, '-1'],
    [{ latencyMs: Number.NaN }, 'NaN'],
    [{ latencyMs: Number.POSITIVE_INFINITY }, 'Infinity'],
    [{ load: null }, 'null'],
    [{ load: 0.7 }, '0.7'],
  ])('says what is wrong with %j, and gives the place back all the same', (outcome, named) => {
    const balancer = balancerWith()
    const before = balancer.stats().services.users.endpoints
    const lease = balancer.pick('users')
    const end = () => lease.end(outcome as Outcome)
    expect(end).toThrow(ArgumentError)
    expect(end).not.toThrow()
    const again = balancer.pick('users')
    expect(() => again.end(outcome as Outcome)).toThrow(new RegExp(`is ${named}; it takes `))
    const { users } = balancer.stats().services
    expect(users).toMatchObject({ inFlight: 0, succeeded: 0, failed: 0, cancelled: 2 })
    for (const [id, { averageLatencyMs }] of Object.entries(users.endpoints))
      expect(averageLatencyMs).toBeLessThanOrEqual(before[id].averageLatencyMs)
  })
})

describe('pick', () => {
  it.each([{ key: 42 }, { key: null }, { clientIp: 42 }, { clientIp: null }])(
    'refuses %j, and leaves no place taken',
    (options) => {
      const balancer = balancerWith({ policy: 'ip-hash', limits: { maxRequests: 1 } })
      const pick = () => balancer.pick({ service: 'users', ...options } as unknown as PickRequest)
      for (let i = 0; i < 3; i++)
        expect(pick).toThrow(/^(key|clientIp) of the request is .*; it takes a string$/)
      expect(pick).toThrow(ArgumentError)
      balancer.pick('users').end()
      expect(balancer.stats().services.users).toMatchObject({ inFlight: 0, overloaded: 0, succeeded: 1 })
    },
  )

  it('hashes on a header that is a number as on its text', () => {
    const balancer = balancerWith({ policy: 'ip-hash', hashOn: { header: 'x-tenant' } })
    const endpointOf = (tenant: unknown): string => {
      const headers = { 'x-tenant': tenant as string }
      const lease = balancer.pick({ service: 'users', headers })
      lease.end()
      return lease.endpoint.id
    }
    const tenants = Array.from({ length: 40 }, (_, i) => i)
    expect(tenants.map(endpointOf)).toEqual(tenants.map((tenant) => endpointOf(String(tenant))))
    expect(new Set(tenants.map(endpointOf)).size).toBe(4)
  })
})

describe('service.set', () => {
  it.each([undefined, null, 'drain', 5])('refuses %j', (change) => {
    const users = balancerWith().service('users')
    expect(() => users.set('http://a.test', change as never)).toThrow(/^set\(\) takes an object like/)
  })
})
