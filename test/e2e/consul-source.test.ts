/** Endpoints from Consul, with real servers as instances. The Consul server was written for these tests; it is no real Consul. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { ConsulServer, instance } from '../sources/consul/consul-server.js'
import { until } from '../support/until.js'

const consul = new ConsulServer()
let servers: Server[]
let balancer: Balancer | undefined

beforeEach(async () => {
  servers = await Promise.all(
    ['a', 'b', 'c'].map((name) => {
      const server = createServer((_, response) => response.end(name))
      return new Promise<Server>((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
    }),
  )
  await consul.start()
})

afterEach(async () => {
  await balancer?.stop({ drainMs: 0 })
  await consul.goAway()
  for (const server of servers) server.closeAllConnections()
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
})

const one = (i: number, service: object = {}) =>
  instance('127.0.0.1', (servers[i].address() as AddressInfo).port, { ID: `users-${i}`, ...service })
const scale = (count: number) => consul.put([0, 1, 2].slice(0, count).map((i) => one(i)))

async function start(): Promise<Balancer> {
  const source = { consul: { service: 'users', server: consul.origin } }
  balancer = new Balancer({ services: { users: { source, policy: 'round-robin' } } })
  await balancer.start()
  return balancer
}

it('follow the instances at once, with no failed request, and stay while Consul is away or was restored', {
  timeout: 60_000,
}, async () => {
  scale(1)
  const balancer = await start()
  const endpoints = () => balancer.service('users').endpoints
  const stats = () => balancer.stats().services.users.sources[0]
  expect(endpoints()).toMatchObject([
    { host: '127.0.0.1', region: 'dc1', metadata: { id: 'users-0', meta: {} } },
  ])
  let failed = 0
  let isOver = false
  const load = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      await balancer
        .fetch('http://users/')
        .then((response) => response.text())
        .catch(() => failed++)
      await new Promise((resolve) => setImmediate(resolve))
    }
  })
  scale(3)
  await until(() => endpoints().length === 3)
  scale(2)
  await until(() => endpoints().length === 2)
  await consul.goAway()
  await until(() => stats().error !== undefined)
  expect(endpoints()).toHaveLength(2)
  await consul.start()
  await until(() => stats().error === undefined)
  // One that is not held yet would be, until its wait is over: it names an index that is not there.
  await until(() => consul.held === 1)
  consul.restore([one(0), one(1), one(2)], 7)
  await until(() => endpoints().length === 3)
  isOver = true
  await Promise.all(load)
  expect(failed).toBe(0)
  expect(stats()).toMatchObject({ source: 'consul users', endpoints: 3, error: undefined })
})

it('keep what counts where all are critical, and refuse an answer with an instance that cannot be one', {
  timeout: 60_000,
}, async () => {
  scale(2)
  const balancer = await start()
  const ids = () => balancer.service('users').endpoints.length
  const stats = () => balancer.stats().services.users.sources[0]
  consul.put([])
  await until(() => stats().heldMs !== undefined)
  expect(stats().heldMs).toBe(Number.POSITIVE_INFINITY)
  expect(ids()).toBe(2)
  consul.put([one(0), one(1, { Meta: { zone: 'z'.repeat(300) } })])
  await until(() => stats().error !== undefined)
  expect(stats().error).toMatch(/consul users\[[01]\]\.zone: must be text of at most 256 characters/)
  consul.put([one(0, { Weights: { Passing: 5 } }), one(1)])
  await until(() => balancer.service('users').endpoints.some(({ weight }) => weight === 5))
  expect(stats().error).toBeUndefined()
  expect(ids()).toBe(2)
})
