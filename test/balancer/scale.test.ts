import { expect, it } from 'vitest'
import { Balancer } from '../../lib/clients/balancer.js'

const origin = (i: number) => `http://10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:8080`

it('100,000 endpoints are picked from, added to, taken from and drained, each exactly', async () => {
  const count = 100_000
  const endpoints = Array.from({ length: count }, (_, i) => origin(i))
  const balancer = new Balancer({ seed: 1, services: { users: { endpoints, policy: 'round-robin' } } })
  const users = balancer.service('users')
  const round = (picks: number) => {
    const seen = new Set<string>()
    for (let i = 0; i < picks; i++) {
      const lease = balancer.pick('users')
      seen.add(lease.endpoint.id)
      lease.end()
    }
    return seen
  }
  expect(round(count).size).toBe(count)
  users.remove(origin(77_777))
  users.set(origin(5), { state: 'drain' })
  users.add({ url: 'http://new.test', id: 'new' })
  const seen = round(count - 1)
  expect(seen.size).toBe(count - 1)
  expect(seen.has('new')).toBe(true)
  expect(seen.has(origin(77_777)) || seen.has(origin(5))).toBe(false)
  expect(() => users.add(origin(99_999))).toThrow(/already has endpoint/)
  expect(() => users.add({ url: origin(99_998), id: 'other' })).toThrow(/already has endpoint/)
  expect(() => users.remove(origin(77_777))).toThrow(
    expect.objectContaining({ code: 'FAIRLEAD_UNKNOWN_ENDPOINT' }),
  )
  // Its id and address are free again.
  users.add(origin(77_777))
  expect(users.endpoints.length).toBe(count + 1)
  await balancer.stop()
}, 20_000)
