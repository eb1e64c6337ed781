/** Endpoints from a real DNS server, with real servers behind the addresses. */
import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Balancer } from '../../lib/index.js'
import { DNSMASQ, type Dnsmasq, freePort, startDnsmasq } from '../sources/dns/dnsmasq.js'
import { until } from '../support/until.js'

const MOST = 200
const TTL_S = 1
const NAME = 'users.internal'
const addressOf = (i: number): string => `127.0.3.${i + 1}`

let port: number
let servers: Server[]
let folder: string
let hosts: string
let dns: Dnsmasq
let balancer: Balancer

/** One server an address, all on one port: 127.0.0.0/8 is the loopback on Linux. */
beforeAll(async () => {
  port = await freePort()
  servers = await Promise.all(
    Array.from({ length: MOST }, (_, i) => {
      const server = createServer((request, response) => response.end(`${i} ${request.headers.host}`))
      server.keepAliveTimeout = 60_000
      return new Promise<Server>((resolve) => server.listen(port, addressOf(i), () => resolve(server)))
    }),
  )
}, 30_000)

afterAll(async () => {
  for (const server of servers) server.closeAllConnections()
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
})

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-dns-'))
  hosts = join(folder, 'hosts')
  writeFileSync(hosts, '')
})

afterEach(async () => {
  await balancer?.stop({ drainMs: 0 })
  await dns?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const records = (): string[] => [`--addn-hosts=${hosts}`, `--local-ttl=${TTL_S}`, '--local=/internal/']

const write = (count: number): void =>
  writeFileSync(hosts, Array.from({ length: count }, (_, i) => `${addressOf(i)} ${NAME}\n`).join(''))

function point(count: number): void {
  write(count)
  dns.reload()
}

async function start(options: Record<string, unknown> = {}, service: Record<string, unknown> = {}) {
  const source = { dns: { name: NAME, port, servers: [dns.address], timeout: 300, ...options } }
  balancer = new Balancer({ services: { users: { source, ...service } as never } })
  await balancer.start()
}

const ids = (): string[] => balancer.service('users').endpoints.map(({ id }) => id)
const stats = () => balancer.stats().services.users.sources[0]
const ask = async (): Promise<string> => (await balancer.fetch('http://users/')).text()

describe.skipIf(DNSMASQ === undefined)('the addresses of a name', () => {
  it('are the endpoints: 2 to 200 and back, under load, with no failed request, noticed within a TTL and a second', {
    timeout: 120_000,
  }, async () => {
    write(2)
    dns = await startDnsmasq(records())
    await start({}, { policy: 'round-robin' })
    expect(ids()).toHaveLength(2)
    let failed = 0
    let isOver = false
    const load = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        await ask().catch(() => failed++)
        // Where no endpoint is found, nothing else waits for anything.
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    // Down by half at most: a safety valve holds back what drops more.
    for (const count of [200, 100, 50, 25, 13, 7, 4, 2]) {
      const begin = performance.now()
      point(count)
      await until(() => ids().length === count)
      // A second more than the TTL where nothing else runs; this machine may be busy.
      expect(performance.now() - begin).toBeLessThan(TTL_S * 1_000 + 5_000)
      const seen = new Map<string, number>()
      const before = balancer.stats().services.users.endpoints
      await until(() => {
        const now = balancer.stats().services.users.endpoints
        for (const id of ids()) seen.set(id, now[id].requests - (before[id]?.requests ?? 0))
        return [...seen.values()].reduce((a, b) => a + b, 0) >= 20 * count
      })
      const [least, most] = [Math.min(...seen.values()), Math.max(...seen.values())]
      expect(most / least).toBeLessThan(1.1 + 4 / least)
    }
    isOver = true
    await Promise.all(load)
    expect(failed).toBe(0)
    expect(stats()).toMatchObject({ source: `dns ${NAME}`, endpoints: 2, error: undefined })
  })

  it('stay while the server is gone, knows nothing of the name, or has no address for it', {
    timeout: 60_000,
  }, async () => {
    write(3)
    dns = await startDnsmasq(records())
    await start()
    expect(ids()).toHaveLength(3)
    point(0)
    await until(() => stats().error !== undefined)
    expect(stats().error).toContain(NAME)
    expect(ids()).toHaveLength(3)
    await dns.stop()
    await until(() => /no answer|time|refused/i.test(stats().error ?? ''))
    expect(ids()).toHaveLength(3)
    expect((await ask()).length).toBeGreaterThan(0)
    expect(balancer.stats().services.users.failed).toBe(0)
  })

  it('a program that waits for `start` alone goes on, however late the answer', {
    timeout: 30_000,
  }, async () => {
    // A server that takes questions and answers none.
    const silent = createSocket('udp4')
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve))
    const server = `127.0.0.1:${silent.address().port}`
    const program = `
      import { Balancer } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)}
      const source = { dns: { name: 'a.internal', servers: ['${server}'], timeout: 200 } }
      const balancer = new Balancer({ services: { users: { source } } })
      await balancer.start()
      console.log(balancer.stats().services.users.sources[0].error)
    `
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.on('data', (chunk) => {
      said += chunk
    })
    try {
      const [code] = await once(child, 'exit')
      expect(said).toMatch(/did not answer in time/)
      expect(code).toBe(0)
    } finally {
      child.kill('SIGKILL')
      silent.close()
    }
  })

  it('a first answer that is late holds nobody up for ever, and comes later', {
    timeout: 30_000,
  }, async () => {
    const late = await freePort()
    await startAt(`127.0.0.1:${late}`)
    expect(ids()).toEqual([])
    await expect(ask()).rejects.toMatchObject({ code: 'FAIRLEAD_NO_ENDPOINT' })
    dns = await startDnsmasq([`--host-record=${NAME},${addressOf(0)}`, '--local=/internal/'], late)
    await until(() => ids().length === 1)
    expect(await ask()).toContain('0 ')
  })

  it('keep the name as the Host header, with its port, unless the configuration says another', async () => {
    write(1)
    dns = await startDnsmasq(records())
    await start()
    expect(await ask()).toBe(`0 ${NAME}:${port}`)
    await balancer.update({
      services: {
        users: {
          source: { dns: { name: NAME, port, servers: [dns.address], timeout: 300 } },
          client: { host: 'endpoint' },
        },
      },
    })
    expect(await ask()).toBe(`0 ${addressOf(0)}:${port}`)
  })

  it('come with port, priority and weight from SRV records', async () => {
    const srv = (target: string, at: number, priority: number, weight: number) =>
      `--srv-host=_http._tcp.${NAME},${target},${at},${priority},${weight}`
    dns = await startDnsmasq([
      `--host-record=a.internal,${addressOf(0)}`,
      `--host-record=b.internal,${addressOf(1)}`,
      srv('a.internal', port, 0, 3),
      srv('b.internal', port, 1, 0),
    ])
    await start({ name: `_http._tcp.${NAME}`, type: 'SRV', port: undefined })
    expect(
      balancer
        .service('users')
        .endpoints.map(({ id, priority, weight }) => [id, priority, weight])
        .sort(),
    ).toEqual([
      [`http://${addressOf(0)}:${port}`, 0, 3],
      [`http://${addressOf(1)}:${port}`, 1, 1],
    ])
    expect(await ask()).toContain('0 ')
  })
})

async function startAt(server: string): Promise<void> {
  const source = { dns: { name: NAME, port, servers: [server], timeout: 100 } }
  balancer = new Balancer({ services: { users: { source } } })
  await balancer.start()
}
