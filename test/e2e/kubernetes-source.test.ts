/** Endpoints from EndpointSlices, with real servers as pods. The API server was written for these tests; it is no real Kubernetes. */
import { createServer, type Server } from 'node:http'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { freePort } from '../sources/dns/dnsmasq.js'
import { ApiServer } from '../sources/kubernetes/api-server.js'
import { ready, slice } from '../sources/kubernetes/slice.js'
import { until } from '../support/until.js'

const PODS = ['127.0.4.1', '127.0.4.2', '127.0.4.3']
const api = new ApiServer()
let pods: Server[]
let port: number
let balancer: Balancer

beforeEach(async () => {
  port = await freePort()
  pods = await Promise.all(
    PODS.map((address) => {
      const pod = createServer((_, response) => response.end(address))
      return new Promise<Server>((resolve) => pod.listen(port, address, () => resolve(pod)))
    }),
  )
  await api.start()
})

afterEach(async () => {
  await balancer.stop({ drainMs: 0 })
  await api.goAway()
  for (const pod of pods) pod.closeAllConnections()
  await Promise.all(pods.map((pod) => new Promise((resolve) => pod.close(resolve))))
})

const scale = (count: number) =>
  api.put(
    slice({
      ports: [{ name: 'http', protocol: 'TCP', port }],
      endpoints: PODS.slice(0, count).map((address, i) =>
        ready(address, { zone: `zone-${i}`, nodeName: 'node' }),
      ),
    }),
  )

it('follow the pods at once, with no failed request, and stay while the API server is away', {
  timeout: 30_000,
}, async () => {
  scale(1)
  balancer = new Balancer({
    services: {
      users: { source: { kubernetes: { service: 'users', server: api.origin } }, policy: 'round-robin' },
    },
  })
  await balancer.start()
  const endpoints = () => balancer.service('users').endpoints
  expect(endpoints()).toMatchObject([{ host: PODS[0], port, zone: 'zone-0', metadata: { node: 'node' } }])
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
  await api.goAway()
  await until(() => balancer.stats().services.users.sources[0].error !== undefined)
  expect(endpoints()).toHaveLength(2)
  await api.start()
  scale(3)
  await until(() => endpoints().length === 3)
  isOver = true
  await Promise.all(load)
  expect(failed).toBe(0)
  expect(balancer.stats().services.users.sources).toMatchObject([
    { source: 'kubernetes users', endpoints: 3, error: undefined },
  ])
})
