/** The etcd source against a gateway of the test's own, which answers in all the ways that a real one must not. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { loadUndici } from '../../../lib/runtime/lazy.js'
import { systemTimers, type Timers } from '../../../lib/runtime/timers.js'
import { startEtcd } from '../../../lib/sources/etcd/etcd.js'
import type { ResolvedEtcd } from '../../../lib/sources/etcd/options.js'
import type { RunningSource } from '../../../lib/sources/source.js'
import { until } from '../../support/until.js'
import { RecordingSink } from '../sink.js'
import { base64, Gateway, type Message, refuse, send } from './gateway.js'

vi.setConfig({ testTimeout: 20_000 })

const PREFIX = 'p/users/'
const TIMEOUT_MS = 500
let gateways: Gateway[]
let gateway: Gateway
let sink: RecordingSink
let source: RunningSource | undefined
let waiting: number
/** The shortest waits, and how many are under way. */
const timers: Timers = {
  ...systemTimers,
  random: () => 0,
  after(ms, fn) {
    waiting++
    let isOver = false
    const end = () => {
      if (!isOver) waiting--
      isOver = true
    }
    const handle = systemTimers.after(ms, () => {
      end()
      fn()
    })
    return {
      cancel: () => {
        end()
        handle.cancel()
      },
    }
  },
}

// Takes longer than a request may.
beforeAll(() => void loadUndici())

beforeEach(async () => {
  waiting = 0
  sink = new RecordingSink()
  gateways = [new Gateway(), new Gateway()]
  gateway = gateways[0]
  await gateway.start()
})

afterEach(async () => {
  source?.stop()
  source = undefined
  await until(() => waiting === 0)
  await Promise.all(gateways.map((one) => one.goAway()))
})

function start(options: Partial<ResolvedEtcd> = {}, maxEndpoints = 100): void {
  const given = { servers: [gateway.url], prefix: 'p', service: 'users', timeout: TIMEOUT_MS }
  source = startEtcd({ ...given, ...options }, maxEndpoints, sink, timers)
}

const last = (): Message => Object.fromEntries(sink.byKey.at(-1) ?? new Map())
const ids = (): string => [...(sink.byKey.at(-1)?.keys() ?? [])].map((key) => key.replace(PREFIX, '')).join()
/** Of all keys, not those that count. */
const lists = (): number => gateway.calls('kv/range').filter(({ limit }) => limit === '1000').length
const watching = () => until(() => gateway.watches.size === 1)
const url = (i: number): string => `http://10.0.0.${i}:80`

it('lists, then watches from the revision of the list', async () => {
  gateway.store(`${PREFIX}a`, url(1))
  gateway.store(`${PREFIX}b`, `{"url":"${url(2)}","id":"other"}`)
  gateway.store(`${PREFIX}c`, `"${url(3)}"`)
  start()
  await watching()
  expect(last()).toEqual({
    [`${PREFIX}a`]: { url: url(1), id: 'a' },
    [`${PREFIX}b`]: { url: url(2), id: 'other' },
    [`${PREFIX}c`]: { url: url(3), id: 'c' },
  })
  expect(gateway.calls('kv/range')[0]).toEqual({
    key: base64('p/users/'),
    range_end: base64('p/users0'),
    limit: '1000',
  })
  expect(gateway.calls('watch')[0]).toEqual({
    create_request: {
      key: base64('p/users/'),
      range_end: base64('p/users0'),
      start_revision: '14',
      progress_notify: true,
      fragment: true,
    },
  })
})

it('reads page by page, at the revision of the first page', async () => {
  for (let i = 0; i < 5; i++) gateway.store(`${PREFIX}${i}`, url(i))
  gateway.pageSize = 2
  start()
  await watching()
  expect(ids()).toBe('0,1,2,3,4')
  expect(gateway.calls('kv/range').map(({ revision }) => revision)).toEqual([undefined, '15', '15'])
})

it('asks for fewer keys at a time where a page is too long', async () => {
  gateway.store(`${PREFIX}a`, url(1))
  gateway.script = ({ method, message }, response) =>
    method === 'kv/range' && Number(message.limit) > 100
      ? send(response, ' '.repeat(17 * 2 ** 20))
      : undefined
  start({ timeout: 15_000 })
  await watching()
  expect(ids()).toBe('a')
  expect(gateway.calls('kv/range').map(({ limit }) => limit)).toEqual(['1000', '125', '15'])
})

it('tells changes that come together once', async () => {
  start()
  await watching()
  for (let i = 0; i < 5; i++) gateway.put(`${PREFIX}${i}`, url(i))
  gateway.remove(`${PREFIX}3`)
  await until(() => sink.byKey.length > 1)
  expect(ids()).toBe('0,1,2,4')
  expect(sink.byKey).toHaveLength(2)
})

it('hands over the same object for what has not changed', async () => {
  gateway.store(`${PREFIX}a`, url(1))
  gateway.store(`${PREFIX}b`, url(2))
  start()
  await watching()
  const before = sink.byKey[0]
  gateway.put(`${PREFIX}a`, url(1))
  gateway.put(`${PREFIX}b`, url(3))
  await until(() => sink.byKey.length > 1)
  const after = sink.byKey.at(-1)
  expect(after?.get(`${PREFIX}a`)).toBe(before.get(`${PREFIX}a`))
  expect(after?.get(`${PREFIX}b`)).toMatchObject({ url: url(3) })
})

describe('a watch', () => {
  it('goes on where it was after it was cut, at once, and without a word', async () => {
    gateway.store(`${PREFIX}a`, url(1))
    start()
    await watching()
    gateway.put(`${PREFIX}b`, url(2))
    await until(() => ids() === 'a,b')
    gateway.cutWatches()
    await until(() => gateway.watches.size === 0)
    await watching()
    gateway.put(`${PREFIX}c`, url(3))
    await until(() => ids() === 'a,b,c')
    const from = gateway.calls('watch').map((one) => (one.create_request as Message).start_revision)
    expect(from).toEqual(['12', '13'])
    expect(sink.errors).toEqual([])
    expect(lists()).toBe(1)
  })

  it('ignores what it knows, and what is older', async () => {
    gateway.store(`${PREFIX}a`, url(1))
    start()
    await watching()
    const old = gateway.store(`${PREFIX}b`, url(2))
    const gone = gateway.forget(`${PREFIX}b`)
    gateway.tell({ header: gateway.header, events: [old] })
    gateway.tell({ header: gateway.header, events: [gone] })
    gateway.tell({ header: gateway.header, events: [old, gone, old] })
    gateway.tell({
      header: gateway.header,
      events: [{ kv: { key: base64(`${PREFIX}a`), value: base64(url(9)), mod_revision: '3' } }],
    })
    gateway.put(`${PREFIX}c`, url(3))
    await until(() => ids() === 'a,c')
    expect(last()[`${PREFIX}a`]).toMatchObject({ url: url(1) })
    // Else a check would have mended it.
    expect(lists()).toBe(1)
  })

  it('does not lose what comes after a progress report that has run ahead', async () => {
    start()
    await watching()
    const late = gateway.store(`${PREFIX}a`, url(1))
    gateway.revision += 5
    gateway.tell({ header: gateway.header })
    gateway.tell({ header: gateway.header, events: [late] })
    await until(() => ids() === 'a')
    expect(lists()).toBe(1)
    gateway.cutWatches()
    await until(() => gateway.calls('watch').length === 2)
    expect((gateway.calls('watch')[1].create_request as Message).start_revision).toBe('17')
  })

  it('takes an answer in pieces of one revision', async () => {
    start()
    await watching()
    const first = gateway.store(`${PREFIX}a`, url(1))
    gateway.revision--
    const second = gateway.store(`${PREFIX}b`, url(2))
    gateway.tell({ header: gateway.header, events: [first], fragment: true })
    await until(() => ids() === 'a')
    gateway.cutWatches()
    await until(() => gateway.calls('watch').length === 2)
    expect((gateway.calls('watch')[1].create_request as Message).start_revision).toBe('11')
    await watching()
    gateway.tell({ header: gateway.header, events: [first], fragment: true })
    gateway.tell({ header: gateway.header, events: [second] })
    await until(() => ids() === 'a,b')
  })

  it('that was compacted leads to a new list, which is no failure; a second time in a row it is one', async () => {
    gateway.store(`${PREFIX}a`, url(1))
    gateway.script = ({ method }, response) => {
      if (method !== 'watch' || gateway.calls('watch').length > 1) return undefined
      gateway.store(`${PREFIX}b`, url(2))
      return send(
        response,
        `${JSON.stringify({ result: { header: gateway.header, created: true } })}
${JSON.stringify({ result: { canceled: true, compact_revision: '99' } })}\n`,
      )
    }
    start()
    await watching()
    expect(ids()).toBe('a,b')
    expect(sink.errors).toEqual([])
    gateway.script = ({ method }, response) =>
      method === 'watch'
        ? send(response, `${JSON.stringify({ result: { canceled: true, compact_revision: '99' } })}\n`)
        : undefined
    gateway.cutWatches()
    await until(() => sink.errors.length === 1)
    expect(sink.errors[0]).toMatch(/has kept no changes from before 99/)
    expect(gateway.calls('watch').length).toBeLessThan(8)
  })

  it('that is silent is checked, and what it has missed is listed', async () => {
    gateway.store(`${PREFIX}a`, url(1))
    start()
    await watching()
    await until(() => sink.unchangedTimes > 0)
    expect(gateway.calls('kv/range').at(-1)).toMatchObject({
      min_mod_revision: '12',
      limit: '1',
      keys_only: true,
    })
    gateway.store(`${PREFIX}b`, url(2))
    await until(() => ids() === 'a,b')
    const times = sink.unchangedTimes
    await until(() => sink.unchangedTimes > times)
    gateway.forget(`${PREFIX}a`)
    await until(() => ids() === 'b')
    expect(sink.errors).toEqual([])
  })

  it('of a cluster that was restored from an older copy is given up for a new list', async () => {
    gateway.store(`${PREFIX}a`, url(1))
    start()
    await watching()
    gateway.put(`${PREFIX}b`, url(2))
    await until(() => ids() === 'a,b')
    gateway.forget(`${PREFIX}b`)
    gateway.revision = 5
    gateway.store(`${PREFIX}c`, url(3))
    await until(() => ids() === 'a,c')
  })

  it.each([
    [
      'an error',
      '{"error":{"grpc_code":14,"message":"etcdserver: no leader"}}\n',
      /ends with an error: etcdserver: no leader/,
    ],
    ['no JSON', 'hello\n', /sends what is no answer to a watch/],
    ['another thing', '[1]\n', /sends what is no answer to a watch/],
    [
      'a cancellation',
      '{"result":{"canceled":true,"cancel_reason":"why not"}}\n',
      /has ended the watch: why not/,
    ],
    ['events that are no array', '{"result":{"events":7}}\n', /the events of .* is no array/],
    [
      'an event of an unknown type',
      '{"result":{"events":[{"type":"MOVE"}]}}\n',
      /an event of an unknown type/,
    ],
    ['an event without a key', '{"result":{"events":[{"kv":{}}]}}\n', /sends a key that cannot be read/],
    [
      'a key that is no base64',
      '{"result":{"events":[{"kv":{"key":"%"}}]}}\n',
      /sends a key that cannot be read/,
    ],
    [
      'a revision that is no number',
      `{"result":{"events":[{"kv":{"key":"${base64(`${PREFIX}x`)}","mod_revision":{}}}]}}\n`,
      /mod_revision of a key of .* is \{\}, not a whole number/,
    ],
    ['the end in the middle of a line', '{"result":{"events":[', /was ended by the server/],
  ])('that brings %s is a failure, and what is known stays', async (_, chunk, why) => {
    gateway.store(`${PREFIX}a`, url(1))
    gateway.script = ({ method }, response) => (method === 'watch' ? send(response, chunk) : undefined)
    start()
    // The first one is tried again without a word.
    await until(() => sink.errors.length > 0)
    expect(sink.errors[0]).toMatch(why)
    expect(sink.errors[0]).toContain(`${gateway.url} (watch)`)
    expect(ids()).toBe('a')
    gateway.script = () => undefined
    await watching()
    gateway.put(`${PREFIX}b`, url(2))
    await until(() => ids() === 'a,b')
  })

  it('with a line without an end is given up', async () => {
    start()
    await watching()
    gateway.write(`{"result":"${'x'.repeat(17 * 2 ** 20)}`)
    await until(() => gateway.calls('watch').length === 2)
    gateway.write(`{"result":"${'x'.repeat(17 * 2 ** 20)}`)
  })
})

describe('a list', () => {
  it.each([
    ['no JSON', 'hello', /answers with no JSON object/],
    ['an array', '[]', /answers with no JSON object/],
    ['no revision', '{}', /answers without a `header.revision`/],
    [
      'a revision that is none',
      '{"header":{"revision":"x"}}',
      /header.revision of .* is "x", not a whole number/,
    ],
    ['keys that are no array', '{"header":{"revision":"1"},"kvs":{}}', /the keys of .* is no array/],
    [
      'a key that is no object',
      '{"header":{"revision":"1"},"kvs":[null]}',
      /sends a key that cannot be read/,
    ],
    ['a count that is none', '{"header":{"revision":"1"},"count":[]}', /the count of .* is \[\]/],
    [
      'more keys than are taken',
      '{"header":{"revision":"1"},"count":"101"}',
      /has 101 keys in etcd; maxEndpoints is 100/,
    ],
    [
      'more keys than it has counted',
      JSON.stringify({
        header: { revision: '1' },
        kvs: Array.from({ length: 101 }, () => ({ key: 'YQ==' })),
      }),
      /sends more keys than it has counted/,
    ],
  ])('with %s is a failure', async (_, answer, why) => {
    gateway.script = ({ method }, response) => (method === 'kv/range' ? send(response, answer) : undefined)
    start()
    await until(() => sink.errors.length > 0)
    expect(sink.errors[0]).toMatch(why)
    expect(sink.byKey).toEqual([])
    gateway.script = () => undefined
    gateway.store(`${PREFIX}a`, url(1))
    await until(() => ids() === 'a')
  })

  it('whose pages have no end is a failure', async () => {
    gateway.script = ({ method }, response) =>
      method === 'kv/range'
        ? send(response, {
            header: gateway.header,
            kvs: [{ key: base64(`${PREFIX}a`), value: base64(url(1)), mod_revision: '3' }],
            more: true,
          })
        : undefined
    start()
    await until(() => sink.errors.length > 0)
    expect(sink.errors[0]).toMatch(/sends more keys than it has counted/)
    expect(gateway.calls('kv/range').length).toBe(101)
  })

  it('has an error in the place of each record that cannot be read', async () => {
    gateway.store(`${PREFIX}a`, url(1))
    gateway.store(`${PREFIX}b`, 'x'.repeat(65_537))
    gateway.store(`${PREFIX}c`, '{')
    gateway.store(PREFIX, url(2))
    gateway.store(`${PREFIX}p`, '{"__proto__":{"url":"http://x"},"constructor":1}')
    start()
    await watching()
    const records = last()
    expect(records[`${PREFIX}a`]).toEqual({ url: url(1), id: 'a' })
    expect(String(records[`${PREFIX}b`])).toMatch(/has 65537 bytes; at most 65536 are taken/)
    expect(String(records[`${PREFIX}c`])).toMatch(/begins as JSON and is none/)
    expect(String(records[PREFIX])).toMatch(/the key names no endpoint/)
    expect(Object.getPrototypeOf(records[`${PREFIX}p`])).toBe(Object.prototype)
    expect(({} as Message).url).toBeUndefined()
  })

  it('has an error for keys of others, and for those that are no UTF-8', async () => {
    const kv = (key: string | Uint8Array) => ({ key: base64(key), value: base64(url(1)), mod_revision: '3' })
    gateway.script = ({ method }, response) =>
      method === 'kv/range'
        ? send(response, { header: gateway.header, kvs: [kv('q/users/a'), kv(Buffer.from([0x70, 0xff]))] })
        : undefined
    start()
    await until(() => sink.byKey.length > 0)
    expect(last()).toEqual({ 'q/users/a': expect.any(Error), '70ff': expect.any(Error) })
  })
})

describe('several servers', () => {
  it('are asked in turn: one that is away, one that hangs, one that answers', async () => {
    await gateways[1].start()
    await gateway.goAway()
    gateways[1].store(`${PREFIX}a`, url(1))
    start({ servers: gateways.map((one) => one.url) })
    await until(() => ids() === 'a')
    expect(sink.errors).toEqual([])
    await gateway.start()
    gateway.store(`${PREFIX}a`, url(1))
    gateway.store(`${PREFIX}b`, url(2))
    await until(() => gateways[1].watches.size === 1)
    // Hangs from now on: the check notices, and the other one is asked.
    gateways[1].script = () => true
    await until(() => ids() === 'a,b')
    expect(sink.errors).toEqual([])
  })

  it('are all named where none answers', async () => {
    await gateway.goAway()
    start({ servers: gateways.map((one, i) => (i === 0 ? one.url : 'http://127.0.0.1:1')) })
    await until(() => sink.errors.length > 0)
    expect(sink.errors[0]).toMatch(
      /^no server of etcd answers: http:\/\/127\.0\.0\.1:\d+ \(kv\/range\) cannot be asked: .*ECONNREFUSED.*; http:\/\/127\.0\.0\.1:1 \(kv\/range\) cannot be asked: .*ECONNREFUSED/,
    )
  })

  it('are given so much time, whatever they are at', async () => {
    gateway.script = (_, response) => {
      response.writeHead(200)
      response.write('{')
      return true
    }
    start()
    await until(() => sink.errors.length > 0)
    expect(sink.errors[0]).toBe(`${gateway.url} (kv/range) has not answered within ${TIMEOUT_MS} ms`)
  })

  it('are left where one says that the cluster does not answer; not where it refuses', async () => {
    await gateways[1].start()
    gateways[1].store(`${PREFIX}a`, url(1))
    gateway.script = (_, response) => refuse(response, 503, 14, 'etcdserver: request timed out')
    start({ servers: gateways.map((one) => one.url) })
    await until(() => gateways[1].watches.size === 1)
    source?.stop()
    await until(() => gateways[1].watches.size === 0)
    gateways[1].asked.length = 0
    gateway.script = (_, response) => refuse(response, 403, 7, 'etcdserver: permission denied')
    start({ servers: gateways.map((one) => one.url) })
    await until(() => sink.errors.length > 0)
    expect(sink.errors[0]).toMatch(/answers 403: etcdserver: permission denied/)
    expect(gateways[1].asked).toEqual([])
  })

  it('that are no etcd are said to be none', async () => {
    gateway.script = (_, response) => send(response, 'Not Found', 404)
    start()
    await until(() => sink.errors.length > 0)
    expect(sink.errors[0]).toMatch(/answers 404: no message; etcd's JSON gateway is wanted/)
  })
})

describe('a user', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fairlead-etcd-'))
    writeFileSync(join(folder, 'password'), 'secret\n')
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  const startAs = (username: string) => start({ username, passwordFile: join(folder, 'password') })

  it('is sent once for a token, and again where that is not taken any more', async () => {
    let good = 1
    gateway.store(`${PREFIX}a`, url(1))
    gateway.script = ({ method, authorization }, response) => {
      if (method === 'auth/authenticate') return send(response, { header: gateway.header, token: `t${good}` })
      return authorization === `t${good}`
        ? undefined
        : refuse(response, 401, 16, 'etcdserver: invalid auth token')
    }
    startAs('me')
    await watching()
    expect(gateway.calls('auth/authenticate')).toEqual([{ name: 'me', password: 'secret' }])
    good = 2
    gateway.cutWatches()
    await until(() => gateway.asked.at(-1)?.authorization === 't2')
    await watching()
    gateway.put(`${PREFIX}b`, url(2))
    await until(() => ids() === 'a,b')
    expect(sink.errors).toEqual([])
    expect(gateway.calls('auth/authenticate')).toHaveLength(2)
  })

  it.each([
    [
      'is not let in',
      (response: never) => refuse(response, 400, 3, 'etcdserver: authentication failed'),
      /authentication failed/,
    ],
    ['gets no token', (response: never) => send(response, { token: 'a\nb' }), /answers without a token/],
  ])('that %s is a failure that does not show the password', async (_, answer, why) => {
    gateway.script = ({ method }, response) =>
      method === 'auth/authenticate' ? answer(response as never) : undefined
    startAs('me')
    await until(() => sink.errors.length > 0)
    expect(sink.errors[0]).toMatch(why)
    expect(sink.errors[0]).not.toContain('secret')
  })

  it('whose token is refused for ever is asked for no more than one more each time', async () => {
    gateway.script = ({ method }, response) =>
      method === 'auth/authenticate'
        ? send(response, { token: 't' })
        : refuse(response, 401, 16, 'etcdserver: invalid auth token')
    startAs('me')
    await until(() => sink.errors.length === 1)
    expect(gateway.asked.length).toBe(4)
  })

  it('is not needed where authentication is not enabled', async () => {
    gateway.store(`${PREFIX}a`, url(1))
    gateway.script = ({ method }, response) =>
      method === 'auth/authenticate'
        ? refuse(response, 412, 9, 'etcdserver: authentication is not enabled')
        : undefined
    startAs('me')
    await until(() => ids() === 'a')
  })
})

describe('stop', () => {
  it.each(['kv/range', 'watch', 'nothing'])('leaves nothing behind while %s is under way', async (method) => {
    let isHeld = false
    gateway.script = (asked) => {
      if (asked.method !== method) return undefined
      isHeld = true
      return true
    }
    start()
    await until(() => isHeld || (method === 'nothing' && gateway.watches.size === 1))
    source?.stop()
    const told = sink.byKey.length + sink.errors.length
    await until(() => waiting === 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(waiting).toBe(0)
    expect(sink.byKey.length + sink.errors.length).toBe(told)
    await until(() => gateway.watches.size === 0)
  })
})
