/** Round trips, loss, bandwidth and a partition, measured over real sockets; what is slow or cut is a relay. */

import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { Topology } from '../../lib/index.js'
import { measureBandwidth, probeConnection } from '../../lib/network/probe.js'
import { deafPort } from '../support/deaf-port.js'
import { until } from '../support/until.js'

const ends: (() => void)[] = []
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end()
})

const portOf = (server: Server | HttpServer): number => (server.address() as AddressInfo).port

async function listen<One extends Server | HttpServer>(server: One): Promise<One> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  ends.push(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return server
}

it('a connection tells the round trip; a refusal is an answer, too, and silence is none', async () => {
  const server = await listen(createServer())
  const port = portOf(server)
  const { latencyMs } = await probeConnection({ host: '127.0.0.1', port }, 2_000)
  expect(latencyMs).toBeGreaterThan(0)
  const closed = await listen(createServer())
  const free = portOf(closed)
  await new Promise((resolve) => closed.close(resolve))
  expect((await probeConnection({ host: '127.0.0.1', port: free }, 2_000)).latencyMs).toBeGreaterThan(0)
  const silent = { host: '127.0.0.1', port: await deafPort() }
  expect(await probeConnection(silent, 200)).toEqual({ latencyMs: undefined })
})

it('bandwidth is what a server sends, whatever else is wrong with it', async () => {
  const chunk = Buffer.alloc(65_536)
  const server = await listen(
    createHttpServer((request, response) => {
      if (request.url === '/no') return response.writeHead(404).end('x'.repeat(100_000))
      if (request.url === '/cut') {
        response.write(chunk)
        return setTimeout(() => response.write(chunk, () => response.destroy()), 20)
      }
      // 64 KiB each 10 ms: 52 Mbit/s.
      const timer = setInterval(() => response.write(chunk), 10)
      request.socket.on('close', () => clearInterval(timer))
    }),
  )
  const url = `http://127.0.0.1:${portOf(server)}`
  const mbps = await measureBandwidth(`${url}/`, 1_048_576, 5_000)
  expect(mbps).toBeGreaterThan(5)
  expect(mbps).toBeLessThan(80)
  expect(await measureBandwidth(`${url}/no`, 1_000, 5_000)).toBeUndefined()
  expect(await measureBandwidth(`${url}/cut`, 1_048_576, 5_000)).toBeGreaterThan(0)
  expect(await measureBandwidth('http://127.0.0.1:1/', 1_000, 5_000)).toBeUndefined()
})

it('a monitor measures, and tells of a region that is gone and back', async () => {
  const server = await listen(createServer())
  const topology = new Topology()
  ends.push(() => topology.close())
  topology.update({
    nodes: [{ id: 'a', region: 'us', services: { users: `http://127.0.0.1:${portOf(server)}` } }],
  })
  const told: string[] = []
  topology.on('partition', ({ type }) => told.push(type))
  const monitoring = topology.monitor({ region: 'eu', interval: 50, timeout: 200, cutAfter: 2 })
  expect(() => topology.monitor({ region: 'eu' })).toThrow(/is monitored by this thread already/)
  const silent = `http://127.0.0.1:${await deafPort()}`
  await until(() => topology.snapshot.measured('eu', 'us')?.latencyMs !== undefined)
  expect(monitoring.leads).toBe(true)
  topology.update({ nodes: [{ id: 'a', region: 'us', services: { users: silent } }] })
  await until(() => told.length === 1)
  topology.update({
    nodes: [{ id: 'a', region: 'us', services: { users: `http://127.0.0.1:${portOf(server)}` } }],
  })
  await until(() => told.length === 2)
  expect(told).toEqual(['cut', 'healed'])
  monitoring.stop()
  const { revision } = topology.snapshot
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(topology.snapshot.revision).toBe(revision)
  const again = topology.monitor({ region: 'eu' })
  again.stop()
})
