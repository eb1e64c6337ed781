/**
 * Against a server that was written for this test from the public pages of Consul's HTTP API (`consul-server.ts`). It is no real
 * Consul: what those pages do not say, or a real agent does otherwise, is not tested here.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { systemTimers, type Timers } from '../../../lib/runtime/timers.js'
import { startConsul } from '../../../lib/sources/consul/consul.js'
import type { ResolvedConsul } from '../../../lib/sources/consul/options.js'
import type { RunningSource } from '../../../lib/sources/source.js'
import { tlsFixture } from '../../support/health-servers.js'
import { ManualTimers } from '../../support/manual-timers.js'
import { until } from '../../support/until.js'
import { RecordingSink } from '../sink.js'
import { ConsulServer, instance } from './consul-server.js'

const CASE_MS = 60_000
/** A machine may be busy. */
const ANSWER_MS = 30_000
vi.setConfig({ testTimeout: CASE_MS })

let server: ConsulServer
let sink: RecordingSink
let source: RunningSource | undefined
let folder: string
/** The shortest waits. */
const timers: Timers = { ...systemTimers, random: () => 0 }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-consul-'))
  server = new ConsulServer()
  sink = new RecordingSink()
  await server.start()
})

afterEach(async () => {
  source?.stop()
  source = undefined
  await server.goAway()
  await rm(folder, { recursive: true, force: true })
})

const start = (options: Partial<ResolvedConsul> = {}, its: Timers = timers): void => {
  const given = {
    service: 'users',
    scheme: 'http',
    server: server.origin,
    passing: true,
    timeout: ANSWER_MS,
    wait: 300_000,
  } as const
  source = startConsul({ ...given, ...options }, sink, its)
}

const list = (...last: number[]) => last.map((one) => instance(`10.0.0.${one}`, 80))
const numbers = (): number[][] =>
  sink.answers.map((answer) =>
    (answer as { url: string }[]).map(({ url }) => Number(/\.(\d+):/.exec(url)?.[1])),
  )
const holding = (): Promise<void> => until(() => server.held === 1)
const indexes = (): (string | null)[] => server.asked.map(({ query }) => query.get('index'))

it('asks for all, then for what has changed since', async () => {
  server.put(list(1))
  start()
  await holding()
  server.put(list(1, 2))
  await until(() => sink.answers.length === 2)
  await holding()
  expect(numbers()).toEqual([[1], [1, 2]])
  expect(server.asked.map(({ service, query }) => [service, Object.fromEntries(query)])).toEqual([
    ['users', { passing: '1' }],
    ['users', { passing: '1', index: '101', wait: '300000ms' }],
    ['users', { passing: '1', index: '102', wait: '300000ms' }],
  ])
  expect(sink.errors).toEqual([])
})

it('asks for a datacenter and a tag, with a token that is read each time, below the path of the server', async () => {
  const tokenFile = join(folder, 'token')
  await writeFile(tokenFile, 'one\n')
  server.put([instance('10.0.0.1', 80, { Tags: ['a&b'] }), instance('10.0.0.2', 80)])
  start({ datacenter: 'dc2', tag: 'a&b', tokenFile, passing: false, server: `${server.origin}/behind/` })
  await holding()
  await writeFile(tokenFile, 'two')
  server.releaseAll()
  await holding()
  expect(numbers()).toEqual([[1]])
  expect(Object.fromEntries(server.asked[0].query)).toEqual({ dc: 'dc2', tag: 'a&b' })
  expect(server.asked.map(({ token }) => token)).toEqual(['one', 'one', 'two'])
})

it('tells once what is as it was: an idempotent write, the end of the wait, another order', async () => {
  server.put(list(1, 2))
  start()
  await holding()
  server.put(list(2, 1))
  await until(() => sink.unchangedTimes === 1)
  await holding()
  server.releaseAll()
  await until(() => sink.unchangedTimes === 2)
  expect(numbers()).toEqual([[1, 2]])
})

it('tells an empty list: whether it counts is not for the source', async () => {
  start()
  await holding()
  expect(sink.answers).toEqual([[]])
})

it('does not take the answer of a server that lags behind', async () => {
  server.put(list(1, 2))
  start()
  await holding()
  let lagging = true
  server.answers = (response, asked) => {
    if (!lagging) return server.send(response, asked)
    lagging = false
    response.writeHead(200, { 'x-consul-index': '7' }).end(JSON.stringify(list(9)))
  }
  server.releaseAll()
  await until(() => server.asked.length >= 4)
  await until(() => sink.unchangedTimes >= 2)
  server.answers = undefined
  expect(numbers()).toEqual([[1, 2]])
})

it('follows a server that was restored', async () => {
  server.put(list(1), 5_000)
  start()
  await holding()
  server.restore(list(3), 12)
  await until(() => sink.answers.length === 2)
  await holding()
  expect(numbers()).toEqual([[1], [3]])
  expect(indexes()).toEqual([null, '5000', null, '12'])
  server.put(list(4))
  await until(() => sink.answers.length === 3)
  expect(sink.errors).toEqual([])
})

it('names 1 where the index is 0, so that it is held', async () => {
  server.put(list(1), 0)
  server.answers = (response, asked) => {
    server.answers = undefined
    server.send(response, asked)
  }
  start()
  await holding()
  expect(indexes()).toEqual([null, '1'])
})

it('takes an index of 64 bits as it is', async () => {
  server.saysIndex = '18446744073709551615'
  start()
  await until(() => server.asked.length >= 2)
  expect(indexes()[1]).toBe('18446744073709551615')
})

it('is slowed down where each answer comes at once', async () => {
  const manual = new ManualTimers(0, () => 0)
  server.isHasty = true
  start({}, manual)
  await until(() => server.asked.length === 5)
  // All that is under way has come.
  await until(() => sink.unchangedTimes === 4)
  await manual.advance(999)
  expect(server.asked).toHaveLength(5)
  await manual.advance(1)
  await until(() => sink.unchangedTimes === 5)
  await manual.advance(0)
  expect(server.asked).toHaveLength(6)
})

it('gives up a request that is held for longer than it may be, and asks for all', async () => {
  const manual = new ManualTimers(0, () => 0)
  server.put(list(1))
  start({ wait: 16_000, timeout: 1_000 }, manual)
  await holding()
  await until(() => sink.answers.length === 1)
  await manual.advance(17_999)
  expect(sink.errors).toEqual([])
  await manual.advance(1)
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toBe(`${server.origin}/v1/health/service/users has not answered for 18000 ms`)
  await until(() => server.held === 0)
  await manual.advance(250)
  await holding()
  expect(indexes()).toEqual([null, '101', null, '101'])
  expect(sink.unchangedTimes).toBe(1)
})

it('gives up a first request that hangs, before its head or in its body', async () => {
  server.answers = (response) => void (server.asked.length > 1 && response.writeHead(200).write('['))
  start({ timeout: 50 })
  await until(() => sink.errors.length === 2)
  expect(sink.errors[0]).toMatch(/has not answered for 50 ms/)
  expect(sink.errors[1]).toMatch(/has not answered for 50 ms/)
})

it('keeps what it knows while the server is away, and goes on when it is back', async () => {
  server.put(list(1))
  start()
  await holding()
  await server.goAway()
  await until(() => sink.errors.length >= 2)
  expect(sink.errors[1]).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/v1\/health\/service\/users cannot be asked: .*ECONNREFUSED/,
  )
  expect(numbers()).toEqual([[1]])
  await server.start()
  await holding()
  expect(sink.unchangedTimes).toBe(1)
  server.put(list(1, 2))
  await until(() => sink.answers.length === 2)
  expect(numbers()).toEqual([[1], [1, 2]])
})

const json = (value: unknown) => (response: ServerResponse) =>
  void response.writeHead(200, { 'x-consul-index': '101' }).end(JSON.stringify(value))

it.each<[string, (response: ServerResponse) => void, RegExp]>([
  [
    'an error',
    (response) => void response.writeHead(500).end('No path to\r\n\u001b[31mdatacenter'),
    /answers 500: No path to \[31mdatacenter$/,
  ],
  [
    'an error that is long',
    (response) => void response.writeHead(500).end('x'.repeat(60_000)),
    /answers 500: x{300}$/,
  ],
  [
    'an error that is huge',
    (response) => void response.writeHead(500).end('x'.repeat(100_000)),
    /answers 500: no message$/,
  ],
  [
    'a refusal',
    (response) => void response.writeHead(403).end('Permission denied'),
    /answers 403: Permission denied; the token needs service:read on "users" and node:read on its nodes \(no token was sent, name one by `tokenFile`\)$/,
  ],
  [
    'nothing that may be seen',
    (response) =>
      void response
        .writeHead(200, { 'x-consul-index': '9', 'x-consul-results-filtered-by-acls': 'true' })
        .end('[]'),
    /hides all that it has; the token needs service:read/,
  ],
  [
    'a redirect',
    (response) => void response.writeHead(301, { location: 'http://elsewhere/' }).end(),
    /answers 301: no message/,
  ],
  [
    'no JSON',
    (response) => void response.writeHead(200, { 'x-consul-index': '9' }).end('<html>'),
    /answers with no JSON: /,
  ],
  [
    'no index',
    (response) => void response.writeHead(200).end('[]'),
    /without a number in X-Consul-Index; is it Consul/,
  ],
  [
    'an index that is none',
    (response) => void response.writeHead(200, { 'x-consul-index': '-1' }).end('[]'),
    /without a number in X-Consul-Index/,
  ],
  [
    'half an answer',
    (response) => void response.writeHead(200, { 'content-length': 99 }).write('[', () => response.destroy()),
    /broke off: /,
  ],
  ['the end of the connection', (response) => void response.destroy(), /cannot be asked: /],
  ['an object', json({}), /^what http:.*users answers: it is no array of instances$/],
  ['an instance that is none', json([7]), /answers: its instance 1: it has no `Service` and `Node`/],
  [
    'a list too deep',
    (response) => void response.writeHead(200, { 'x-consul-index': '9' }).end('['.repeat(100_000)),
    /answers with no JSON/,
  ],
])('that answers with %s has failed, what was found stays, and it goes on', async (_, answer, why) => {
  server.put(list(1))
  start()
  await holding()
  server.answers = answer
  server.releaseAll()
  await until(() => sink.errors.length >= 1)
  expect(sink.errors[0]).toMatch(why)
  server.answers = undefined
  server.put(list(1, 2))
  await until(() => sink.answers.length === 2)
  expect(numbers()).toEqual([[1], [1, 2]])
})

it('does not take an answer that is huge', async () => {
  const chunk = Buffer.alloc(2 ** 20, ' ')
  let sent = 0
  server.answers = (response) => {
    response.writeHead(200, { 'x-consul-index': '9' })
    const more = (): void => {
      while (!response.destroyed && response.write(chunk)) sent++
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  }
  start({ timeout: CASE_MS })
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(/answers with more than 33554432 bytes/)
  expect(sent).toBeLessThan(64)
})

it('waits for as long as a server that is busy asks for', async () => {
  const waits: number[] = []
  const hasty: Timers = {
    ...timers,
    after(ms, fn) {
      const isPause = ms !== ANSWER_MS
      if (isPause) waits.push(ms)
      return systemTimers.after(isPause ? 0 : ms, fn)
    },
  }
  server.answers = (response) =>
    void response.writeHead(429, { 'retry-after': '7' }).end('rate limit reached')
  start({}, hasty)
  await until(() => waits.length >= 2)
  expect(waits.slice(0, 2)).toEqual([7_000, 7_000])
  expect(sink.errors[0]).toMatch(/answers 429: rate limit reached/)
})

it.each([
  [undefined, /^the token for http:\/\/127\.0\.0\.1:\d+ cannot be read: ENOENT.*token/],
  ['', /token holds no token: /],
  ['secret\nsecret', /token holds no token: 1 to 1,024 printable characters/],
])('that has no token to send says so, and does not ask: %j', async (text, why) => {
  const tokenFile = join(folder, 'token')
  if (text !== undefined) await writeFile(tokenFile, text)
  start({ tokenFile })
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(why)
  expect(sink.errors[0]).not.toContain('secret')
  expect(server.asked).toEqual([])
  await writeFile(tokenFile, 'one')
  await holding()
})

it('does not tell the token, whatever the server says', async () => {
  const tokenFile = join(folder, 'token')
  await writeFile(tokenFile, 'secret-1')
  server.answers = (response, { token }) => void response.writeHead(403).end(`token ${token} is unknown`)
  start({ tokenFile })
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(/answers 403: token \*\*\* is unknown; .*\(it was read from .*token\)/)
})

it('tells again what was refused', async () => {
  sink.refuses = true
  server.put(list(1))
  start()
  await holding()
  sink.refuses = false
  server.releaseAll()
  await until(() => sink.answers.length === 1)
  expect(sink.unchangedTimes).toBe(0)
})

it('trusts the authority that is named, over TLS', async () => {
  const secure = new ConsulServer(tlsFixture.server)
  const caFile = join(folder, 'ca.pem')
  try {
    await secure.start()
    await writeFile(caFile, '')
    start({ server: secure.origin, caFile })
    await until(() => sink.errors.length === 1)
    expect(sink.errors[0]).toMatch(/cannot be asked: /)
    expect(secure.asked).toEqual([])
    await writeFile(caFile, tlsFixture.ca)
    await until(() => secure.held === 1)
    expect(sink.answers).toEqual([[]])
  } finally {
    source?.stop()
    await secure.goAway()
  }
})

it('does not keep the process alive while it waits', async () => {
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  const before = sockets()
  start()
  await holding()
  // The server's end of it, and not the source's.
  await until(() => sockets() === before + 1)
  server.put(list(1))
  await until(() => sink.answers.length === 2)
  await holding()
  await until(() => sockets() === before + 1)
})

it.each<[string, () => void | Promise<void>]>([
  ['before it has asked', () => {}],
  ['while it is held', holding],
  [
    'while it waits',
    async () => {
      await holding()
      await server.goAway()
      await until(() => sink.errors.length === 1)
      await server.start()
    },
  ],
])('stopped %s leaves nothing, and tells nothing', async (_, ready) => {
  const manual = new ManualTimers()
  server.put(list(1))
  start({}, manual)
  await ready()
  source?.stop()
  const told = [sink.answers.length, sink.errors.length, sink.unchangedTimes]
  await until(async () => (await server.connections()) === 0)
  server.put(list(2))
  await manual.advance(600_000)
  expect([sink.answers.length, sink.errors.length, sink.unchangedTimes]).toEqual(told)
  expect(manual.pending).toBe(0)
  expect(await server.connections()).toBe(0)
})
