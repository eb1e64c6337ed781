/** Endpoints from a real etcd, with real servers behind them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Balancer, type SourceEvent } from '../../lib/index.js'
import { base64, ETCD, Etcd, WITH_ETCD } from '../support/etcd.js'
import { TcpRelay } from '../support/tcp-relay.js'
import { until } from '../support/until.js'

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/tls/${name}.pem`, import.meta.url))

let etcd: Etcd
let balancer: Balancer | undefined
let events: SourceEvent[]
let servers: Server[]
let urls: string[]

beforeAll(async () => {
  servers = Array.from({ length: 4 }, (_, i) => createServer((_request, response) => response.end(String(i))))
  await Promise.all(servers.map((one) => new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))))
  urls = servers.map((one) => `http://127.0.0.1:${(one.address() as AddressInfo).port}`)
})

afterAll(async () => {
  for (const one of servers) one.closeAllConnections()
  await Promise.all(servers.map((one) => new Promise((resolve) => one.close(resolve))))
})

beforeEach(() => {
  events = []
})

afterEach(async () => {
  await balancer?.stop({ drainMs: 0 })
  balancer = undefined
  await etcd?.stop()
})

const PREFIX = 'fairlead/services/users/'
const put = (id: string, value: string | Uint8Array) => etcd.put(`${PREFIX}${id}`, value)
const remove = (id: string) => etcd.remove(`${PREFIX}${id}`)

async function start(options: Record<string, unknown> = {}, source: Record<string, unknown> = {}) {
  const given = { service: 'users', servers: etcd.servers, ...options }
  balancer = new Balancer({
    services: { users: { policy: 'round-robin', source: { etcd: given, ...source } as never } },
  })
  balancer.on('source', (event) => events.push(event))
  await balancer.start()
}

const endpoints = () => balancer!.service('users').endpoints
const ids = () => endpoints().map(({ id }) => id)
const stats = () => balancer!.stats().services.users.sources[0]
const types = () => events.map(({ type }) => type)

/** Requests without a pause; what has failed is counted. */
function load(): () => Promise<{ sent: number; failed: unknown[] }> {
  const failed: unknown[] = []
  let sent = 0
  let isOver = false
  const callers = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      sent++
      await balancer!
        .fetch('http://users/')
        .then((response) => response.text())
        .catch((error) => failed.push(error))
      await new Promise((resolve) => setImmediate(resolve))
    }
  })
  return async () => {
    isOver = true
    await Promise.all(callers)
    return { sent, failed }
  }
}

describe.skipIf(ETCD === undefined)(`one member of ${WITH_ETCD}`, { timeout: 60_000 }, () => {
  it('lists, and is told of changes at once, of this service alone', async () => {
    etcd = await Etcd.start()
    await put('a', urls[0])
    await put('b', JSON.stringify({ url: urls[1], weight: 3, zone: 'z' }))
    await etcd.put('fairlead/services/users2/x', urls[2])
    await etcd.put('fairlead/services/user/x', urls[2])
    await etcd.put('fairlead/services/users', urls[2])
    await start({ prefix: 'fairlead/services' })
    expect(endpoints()).toMatchObject([
      { id: 'a', url: urls[0], weight: 1 },
      { id: 'b', url: urls[1], weight: 3, zone: 'z' },
    ])
    await put('c', JSON.stringify({ id: 'third', url: urls[2] }))
    await until(() => ids().length === 3)
    expect(ids()).toEqual(['a', 'b', 'third'])
    await remove('a')
    await until(() => ids().length === 2)
    await put('b', urls[3])
    await until(() => endpoints()[0].url === urls[3])
    expect(stats()).toMatchObject({ source: `etcd ${PREFIX}`, endpoints: 2, error: undefined })
    expect(new Set(types())).toEqual(new Set(['found']))
  })

  it('puts what comes together in force together', async () => {
    etcd = await Etcd.start()
    await put('a', urls[0])
    await start()
    const request_put = (i: number) => ({
      request_put: { key: base64(`${PREFIX}n${i}`), value: base64(`http://127.0.0.1:${10_000 + i}`) },
    })
    await etcd.call('kv/txn', { success: Array.from({ length: 100 }, (_, i) => request_put(i)) })
    await until(() => ids().length === 101)
    expect(events.map(({ reason }) => reason)).toEqual(['1 endpoints, 0 before', '101 endpoints, 1 before'])
  })

  it('reads 2,000 keys and more, page by page', async () => {
    etcd = await Etcd.start()
    const COUNT = 2_345
    for (let from = 0; from < COUNT; from += 100)
      await etcd.call('kv/txn', {
        success: Array.from({ length: Math.min(100, COUNT - from) }, (_, i) => ({
          request_put: {
            key: base64(`${PREFIX}n${from + i}`),
            value: base64(`http://127.0.0.1:${10_000 + from + i}`),
          },
        })),
      })
    await start()
    expect(ids()).toHaveLength(COUNT)
    await remove('n1500')
    await until(() => ids().length === COUNT - 1)
  })

  it('refuses more keys than endpoints may be', async () => {
    etcd = await Etcd.start()
    for (let i = 0; i < 4; i++) await put(`n${i}`, urls[i])
    await start({}, { maxEndpoints: 3 })
    expect(ids()).toEqual([])
    expect(stats().error).toBe(`${PREFIX} has 4 keys in etcd; maxEndpoints is 3`)
    await remove('n3')
    await until(() => ids().length === 3)
    await put('n3', urls[3])
    await until(() => stats().error !== undefined)
    expect(ids()).toHaveLength(3)
  })

  it('leaves out faulty records, and keeps what it knew of them', async () => {
    etcd = await Etcd.start()
    await put('a', urls[0])
    await put('b', urls[1])
    await put('c', '{"url":')
    await start()
    expect(ids()).toEqual(['a', 'b'])
    expect(stats().error).toBe(`${PREFIX}c: begins as JSON and is none`)
    expect(types()).toEqual(['failed', 'found'])
    // Of the key that is faulty now, the last good record stays; others go on.
    await put('b', JSON.stringify({ url: urls[1], weight: 'much' }))
    await put('d', urls[3])
    await until(() => ids().includes('d'))
    expect(ids()).toEqual(['a', 'b', 'd'])
    expect(stats().error).toMatch(/users\/b: `weight` must be a number.*\n.*users\/c: begins/)
    await put('e', 'x'.repeat(70_000))
    await etcd.call('kv/put', { key: base64(Buffer.from(`${PREFIX}\xff`, 'latin1')), value: base64(urls[2]) })
    await until(() => /UTF-8/.test(stats().error ?? '') && /65536/.test(stats().error ?? ''))
    expect(ids()).toEqual(['a', 'b', 'd'])
    await remove('b')
    await until(() => ids().length === 2)
    await Promise.all([remove('c'), remove('e')])
    await etcd.call('kv/deleterange', { key: base64(Buffer.from(`${PREFIX}\xff`, 'latin1')) })
    await until(() => stats().error === undefined)
    expect(types().at(-1)).toBe('recovered')
    expect(types().filter((type) => type === 'failed').length).toBeLessThan(8)
  })

  it('catches up after a restart of etcd, and stays meanwhile, with no failed request', async () => {
    etcd = await Etcd.start()
    await put('a', urls[0])
    await put('b', urls[1])
    await start()
    const end = load()
    await etcd.members[0].kill()
    await until(() => stats().error !== undefined)
    expect(stats().error).toMatch(/^http:\/\/127\.0\.0\.1:\d+ \(watch\) cannot be asked: .*ECONNREFUSED/)
    expect(ids()).toEqual(['a', 'b'])
    await etcd.members[0].restart()
    await etcd.ready()
    await put('c', urls[2])
    await until(() => ids().length === 3)
    expect(stats().error).toBeUndefined()
    const { sent, failed } = await end()
    expect(failed).toEqual([])
    expect(sent).toBeGreaterThan(100)
    expect(types()).toEqual(['found', 'failed', 'recovered', 'found'])
  })

  it('lists anew where what has changed meanwhile was compacted, which is no failure', async () => {
    etcd = await Etcd.start()
    await put('a', urls[0])
    await put('b', urls[1])
    const relay = new TcpRelay(Number(new URL(etcd.servers[0]).port))
    await relay.open()
    try {
      await start({ servers: [`http://127.0.0.1:${relay.port}`] })
      await relay.cut()
      await until(() => stats().error !== undefined)
      await remove('b')
      await put('c', urls[2])
      await etcd.compact()
      await relay.open()
      await until(() => ids().join() === 'a,c')
      expect(types()).toEqual(['found', 'failed', 'recovered', 'found'])
    } finally {
      await relay.cut()
    }
  })

  it('notices that nothing comes through any more, and what it has missed', async () => {
    etcd = await Etcd.start()
    await put('a', urls[0])
    await put('b', urls[1])
    const relay = new TcpRelay(Number(new URL(etcd.servers[0]).port))
    await relay.open()
    try {
      await start({ servers: [`http://127.0.0.1:${relay.port}`], timeout: 1_000 })
      await until(() => ids().length === 2)
      relay.freeze()
      await put('c', urls[2])
      await until(() => ids().length === 3)
      expect(stats().error).toBeUndefined()
    } finally {
      await relay.cut()
    }
  })

  it('is let in by user and password, and again when the token is not taken any more', async () => {
    etcd = await Etcd.start()
    const folder = mkdtempSync(join(tmpdir(), 'fairlead-password-'))
    try {
      const passwordFile = join(folder, 'password')
      writeFileSync(passwordFile, 'se cret\n')
      await put('a', urls[0])
      await etcd.call('auth/user/add', { name: 'root', password: 'root' })
      await etcd.call('auth/user/add', { name: 'reader', password: 'se cret' })
      await etcd.call('auth/role/add', { name: 'read' })
      await etcd.call('auth/role/grant', {
        name: 'read',
        perm: { permType: 'READ', key: base64(PREFIX), range_end: base64(`${PREFIX.slice(0, -1)}0`) },
      })
      await etcd.call('auth/user/grant', { user: 'reader', role: 'read' })
      await etcd.call('auth/user/grant', { user: 'root', role: 'root' })
      await etcd.call('auth/enable', {})
      await start()
      expect(stats().error).toMatch(/user name is empty.*`username` and `passwordFile`/)
      await balancer!.stop({ drainMs: 0 })

      await start({ username: 'reader', passwordFile })
      expect(ids()).toEqual(['a'])
      const { token } = await etcd.call('auth/authenticate', { name: 'root', password: 'root' })
      await etcd.call(
        'kv/put',
        { key: base64(`${PREFIX}b`), value: base64(urls[1]) },
        { authorization: token as string },
      )
      await until(() => ids().length === 2)
      // A restart forgets all tokens.
      await etcd.members[0].restart()
      await until(() =>
        etcd.call('auth/authenticate', { name: 'root', password: 'root' }).then(
          () => true,
          () => false,
        ),
      )
      const again = await etcd.call('auth/authenticate', { name: 'root', password: 'root' })
      await etcd.call(
        'kv/put',
        { key: base64(`${PREFIX}c`), value: base64(urls[2]) },
        { authorization: again.token as string },
      )
      await until(() => ids().length === 3)
      await balancer!.stop({ drainMs: 0 })

      writeFileSync(passwordFile, 'wrong')
      await start({ username: 'reader', passwordFile })
      expect(stats().error).toMatch(/authentication failed/)
      expect(stats().error).not.toMatch(/wrong|se cret/)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('is asked over TLS', async () => {
    const tls = { caFile: fixture('ca'), certFile: fixture('server'), keyFile: fixture('server-key') }
    etcd = await Etcd.start(1, tls)
    await start({ caFile: tls.caFile })
    await until(() => stats().error === undefined)
    expect(stats().ageMs).toBeGreaterThanOrEqual(0)
    await balancer!.stop({ drainMs: 0 })
    await start()
    expect(stats().error).toMatch(/certificate/)
  })
})
