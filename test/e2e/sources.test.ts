/** Endpoints from sources: real files and servers, real requests, over threads. */
import assert from 'node:assert'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  Balancer,
  defineSource,
  type EndpointEvent,
  type SourceEvent,
  type SourceSink,
} from '../../lib/index.js'
import { owningThread } from '../support/attached.js'
import { until } from '../support/until.js'

let folder: string
let path: string
let servers: Server[]
let urls: string[]
const balancers: Balancer[] = []
let events: SourceEvent[]

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-sources-'))
  path = join(folder, 'users.json')
  events = []
  servers = Array.from({ length: 4 }, (_, i) => createServer((_request, response) => response.end(String(i))))
  await Promise.all(servers.map((one) => new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve))))
  urls = servers.map((one) => `http://127.0.0.1:${(one.address() as AddressInfo).port}`)
})

afterEach(async () => {
  for (const balancer of balancers.splice(0).reverse()) await balancer.stop({ drainMs: 0 })
  for (const one of servers) one.closeAllConnections()
  await Promise.all(servers.map((one) => new Promise((resolve) => one.close(resolve))))
  rmSync(folder, { recursive: true, force: true })
})

const write = (endpoints: unknown): void => {
  writeFileSync(`${path}.new`, typeof endpoints === 'string' ? endpoints : JSON.stringify(endpoints))
  renameSync(`${path}.new`, path)
}

async function start(service: Record<string, unknown>): Promise<Balancer> {
  const balancer = new Balancer({ services: { users: { policy: 'round-robin', ...service } as never } })
  balancers.push(balancer)
  balancer.on('source', (event) => events.push(event))
  await balancer.start()
  return balancer
}

const fromFile = (more: Record<string, unknown> = {}) => ({ source: { file: { path }, ...more } })

const ids = (balancer: Balancer): string[] => balancer.service('users').endpoints.map(({ id }) => id)
const stats = (balancer: Balancer) => balancer.stats().services.users.sources[0]

async function answerers(balancer: Balancer, requests = 12): Promise<Set<string>> {
  const texts = Array.from({ length: requests }, async () => (await balancer.fetch('http://users/')).text())
  return new Set(await Promise.all(texts))
}

it('are there when `start` resolves, and change with the file under load, without a failed request', async () => {
  write(urls.slice(0, 1))
  const balancer = await start(fromFile())
  expect(ids(balancer)).toEqual(urls.slice(0, 1))
  let failed = 0
  let sent = 0
  let isOver = false
  const load = Array.from({ length: 8 }, async () => {
    while (!isOver) {
      sent++
      await balancer
        .fetch('http://users/')
        .then((response) => response.text())
        .catch(() => failed++)
    }
  })
  for (const count of [4, 2, 3, 4, 2]) {
    write({ endpoints: urls.slice(0, count) })
    await until(() => ids(balancer).length === count)
    expect((await answerers(balancer)).size).toBe(count)
  }
  isOver = true
  await Promise.all(load)
  expect(failed).toBe(0)
  expect(sent).toBeGreaterThan(100)
  expect(events.filter(({ type }) => type === 'found').length).toBeGreaterThanOrEqual(6)
})

it('keep their history when others come', async () => {
  write(urls.slice(0, 1))
  const balancer = await start(fromFile())
  await answerers(balancer)
  const added: EndpointEvent[] = []
  balancer.on('endpoint', (event) => added.push(event))
  write(urls.slice(0, 2))
  await until(() => ids(balancer).length === 2)
  expect(balancer.stats().services.users.endpoints[urls[0]].succeeded).toBe(12)
  expect(added.map(({ type, endpoint, reason }) => [type, endpoint.id, reason])).toEqual([
    ['added', urls[1], 'a source has found it'],
  ])
})

describe('what was found stays', () => {
  it.each([
    ['is gone', undefined, /no such file/],
    ['is damaged', '["http://a', /no JSON/],
    ['has a fault', [{ url: 'http://a:1', weight: -1 }, 'b'], /\[0\]\.weight: must be a number(.|\n)*\[1\]/],
    ['names one twice', ['http://a:1', 'http://a:1'], /has the same URL/],
    [
      'names too many',
      Array.from({ length: 11 }, (_, i) => `http://a:${i + 1}`),
      /has 11 endpoints; maxEndpoints is 10/,
    ],
  ])('where the file %s', async (_, content, why) => {
    write(urls)
    const balancer = await start(fromFile({ maxEndpoints: 10 }))
    if (content === undefined) rmSync(path)
    else write(content)
    await until(() => stats(balancer).error !== undefined)
    expect(stats(balancer).error).toMatch(why)
    expect(ids(balancer)).toEqual(urls)
    expect((await answerers(balancer)).size).toBe(4)
    expect(events.at(-1)).toMatchObject({ type: 'failed', service: 'users', source: `file ${path}` })
    write(urls.slice(0, 3))
    await until(() => ids(balancer).length === 3)
    expect(stats(balancer)).toMatchObject({ endpoints: 3, error: undefined })
    expect(events.map(({ type }) => type)).toEqual(['found', 'failed', 'recovered', 'found'])
  })

  it('where the file lists none, for ever', async () => {
    write(urls)
    const balancer = await start(fromFile({ holdMs: 0 }))
    write([])
    await until(() => stats(balancer).heldMs !== undefined)
    expect(stats(balancer).heldMs).toBe(Number.POSITIVE_INFINITY)
    expect(events.at(-1)).toMatchObject({ type: 'held', reason: /4 of 4 endpoints are missing/ })
    expect(ids(balancer)).toEqual(urls)
    write(urls.slice(0, 2))
    await until(() => ids(balancer).length === 2)
    expect(stats(balancer).heldMs).toBeUndefined()
  })

  it('where most are missing, for a while', async () => {
    write(urls)
    const balancer = await start(fromFile({ holdMs: 300 }))
    write(urls.slice(0, 1))
    await until(() => stats(balancer).heldMs !== undefined)
    expect(ids(balancer)).toEqual(urls)
    await until(() => ids(balancer).length === 1)
    expect(events.map(({ type }) => type)).toEqual(['found', 'held', 'found'])
  })

  it('over an update of the rest of the configuration, and not where the source is another one', async () => {
    write(urls)
    const balancer = await start(fromFile())
    const services = (more: object) => ({ services: { users: more as never } })
    await balancer.update(services({ ...fromFile(), policy: 'random', endpoints: ['http://127.0.0.1:1'] }))
    expect(ids(balancer)).toEqual(['http://127.0.0.1:1', ...urls])
    await balancer.update(services({ ...fromFile(), policy: 'random' }))
    expect(ids(balancer)).toEqual(urls)
    await balancer.update(services({ source: { file: { path: `${path}.other` } } }))
    expect(ids(balancer)).toEqual([])
    writeFileSync(`${path}.other`, JSON.stringify(urls.slice(0, 1)))
    await until(() => ids(balancer).length === 1)
  })
})

describe('several sources', () => {
  it('are merged, in their order, after what is listed; where two are one the first counts', async () => {
    const other = join(folder, 'other.yaml')
    write([{ url: urls[1], weight: 3 }, urls[0]])
    writeFileSync(other, `- { url: '${urls[1]}', weight: 5 }\n- ${urls[2]}\n`)
    const source = [{ file: { path } }, { file: { path: other } }]
    const balancer = await start({ endpoints: [urls[0]], source })
    expect(ids(balancer)).toEqual([urls[0], urls[1], urls[2]])
    expect(balancer.service('users').endpoints[1].weight).toBe(3)
    // What the first one drops the second one has.
    write([urls[0]])
    await until(() => balancer.service('users').endpoints[1].weight === 5)
    expect(ids(balancer)).toEqual([urls[0], urls[1], urls[2]])
  })

  it('in their order, whichever answers first', async () => {
    const sinks = new Map<string, SourceSink>()
    const [a, b] = ['order-a', 'order-b'].map((name) =>
      defineSource(name, { start: (_, sink) => void sinks.set(name, sink) }),
    )
    const balancer = new Balancer({ services: { users: { source: [{ name: a }, { name: b }] } } })
    balancers.push(balancer)
    const started = balancer.start()
    sinks.get(b)?.found([urls[1]])
    sinks.get(a)?.found([urls[0]])
    await started
    expect(ids(balancer)).toEqual([urls[0], urls[1]])
  })

  it('a server that is away does not keep the other from answering', async () => {
    write(urls)
    const source = [{ http: { url: 'http://127.0.0.1:9/users', timeout: 200 } }, { file: { path } }]
    const balancer = await start({ source })
    expect(ids(balancer)).toEqual(urls)
    expect(stats(balancer)).toMatchObject({
      source: 'http http://127.0.0.1:9',
      error: /cannot be asked/,
      endpoints: 0,
    })
  })
})

it('what a source has left out is reported once, while the rest counts', async () => {
  let sink: SourceSink | undefined
  const name = defineSource('partial', {
    start: (_, given) => {
      sink = given
      given.found(urls.slice(0, 2))
    },
  })
  const balancer = await start({ source: { name } })
  const found = (list: string[], leftOut?: string) => sink?.found(list, leftOut)
  expect(found(urls.slice(0, 3), '127.0.0.1 is of this machine')).toBe(true)
  expect(ids(balancer)).toEqual(urls.slice(0, 3))
  found(urls, '127.0.0.2 is of this machine')
  expect(stats(balancer)).toMatchObject({ endpoints: 4, error: '127.0.0.2 is of this machine' })
  found(urls)
  expect(stats(balancer).error).toBeUndefined()
  const told = events.map(({ type, reason }) => (type === 'failed' ? reason : type))
  expect(told).toEqual(['found', '127.0.0.1 is of this machine', 'found', 'found', 'recovered'])
  expect(found(urls, { toString: () => assert.fail() } as never)).toBe(true)
})

describe('over threads', () => {
  it('one asks, all have the answer', async () => {
    let starts = 0
    let sink: SourceSink | undefined
    const name = defineSource('told', {
      start: (_, given) => {
        starts++
        sink = given
        given.found(urls.slice(0, 2))
      },
    })
    const first = await start({ source: { name } })
    const second = Balancer.attach(first.handle)
    balancers.push(second)
    expect(ids(second)).toEqual(urls.slice(0, 2))
    expect(starts).toBe(1)
    sink?.found(urls)
    await until(() => ids(second).length === 4)
    expect((await answerers(second)).size).toBe(4)
  })

  it('all know how it is, and hear what happens', async () => {
    let sink: SourceSink | undefined
    const name = defineSource('known', {
      start: (_, given) => {
        sink = given
        given.found(urls)
      },
    })
    const first = await start({ source: { name } })
    const second = Balancer.attach(first.handle)
    balancers.push(second)
    const heard: string[] = []
    second.on('source', ({ type, service, source, reason }) =>
      heard.push([type, service, source, reason].join(' ')),
    )
    // What it was before the thread came it has asked for.
    await until(() => stats(second).ageMs !== undefined)
    expect(stats(second)).toEqual({
      source: 'known',
      endpoints: 4,
      ageMs: expect.any(Number),
      error: undefined,
      heldMs: undefined,
    })
    sink?.failed(new Error('it is away'))
    await until(() => stats(second).error === 'it is away')
    sink?.found(urls.slice(0, 1))
    await until(() => stats(second).heldMs !== undefined)
    expect(stats(second)).toMatchObject({ endpoints: 4, error: undefined })
    sink?.found(urls.slice(0, 3))
    await until(() => stats(second).endpoints === 3 && stats(second).heldMs === undefined)
    expect(heard).toEqual([
      'failed users known it is away',
      'recovered users known it answers again',
      expect.stringMatching(/^held users known 3 of 4/),
      'found users known 3 endpoints, 4 before',
    ])
    // An answer without news is told within a second or so.
    sink?.unchanged()
    let last = 0
    await until(() => {
      const before = last
      last = stats(second).ageMs ?? 0
      return last < before
    })
  })
})

describe('over threads that end', () => {
  it('another one asks', { timeout: 30_000 }, async () => {
    write(urls.slice(0, 2))
    const config = { services: { users: { source: { file: { path } } } } }
    const thread = await owningThread(config as never)
    const balancer = Balancer.attach(await thread.do('handle'))
    balancers.push(balancer)
    await thread.do('start')
    await until(() => ids(balancer).length === 2)
    await thread.terminate()
    write(urls)
    await until(() => ids(balancer).length === 4)
    expect((await answerers(balancer)).size).toBe(4)
  })
})

describe('a source of your own', () => {
  it('is told its options, and that it is over', async () => {
    let ended = false
    let late: SourceSink | undefined
    const name = defineSource('mine', {
      start(options, sink, signal) {
        late = sink
        signal.addEventListener('abort', () => {
          ended = true
        })
        expect(sink.found((options as { list: string[] }).list)).toBe(true)
        sink.unchanged()
      },
    })
    const balancer = await start({ source: { name, options: { list: urls } } })
    expect(ids(balancer)).toEqual(urls)
    await balancer.update({ services: { users: { endpoints: urls.slice(0, 1) } } })
    expect(ended).toBe(true)
    expect(late?.found(urls)).toBe(false)
    expect(ids(balancer)).toEqual(urls.slice(0, 1))
  })

  it('is told once of what is found, and of what is held back, while it is the same', async () => {
    let sink: SourceSink | undefined
    const name = defineSource('repeating', {
      start: (_, given) => {
        sink = given
        given.found(urls)
      },
    })
    const balancer = await start({ source: { name } })
    for (let i = 0; i < 3; i++) sink?.found([...urls])
    for (let i = 0; i < 3; i++) sink?.found(urls.slice(0, 1))
    expect(events.map(({ type }) => type)).toEqual(['found', 'held'])
    expect(ids(balancer)).toEqual(urls)
    // As before: nothing is held back any more.
    sink?.found(urls)
    expect(stats(balancer).heldMs).toBeUndefined()
    events.splice(0)
    for (const why of ['first', 'second']) sink?.failed(new Error(why))
    expect(events).toMatchObject([{ type: 'failed', reason: 'first' }])
    expect(stats(balancer).error).toBe('second')
    sink?.unchanged()
    expect(events.map(({ type }) => type)).toEqual(['failed', 'recovered'])
  })

  it.each([
    ['throws', () => Promise.reject(new Error('no luck')), /no luck/],
    ['finds what is no list', (sink: SourceSink) => void sink.found('http://a:1' as never), /no array/],
    [
      'finds functions',
      (sink: SourceSink) => void sink.found([{ url: 'http://a:1', dispatcher: () => ({}) as never }]),
      /dispatcher/,
    ],
    ['throws what cannot be read', () => Promise.reject(Object.create(null)), /cannot be read/],
    ['fails with no error', (sink: SourceSink) => sink.failed(undefined), /undefined/],
  ])('that %s has failed, and harms nothing', async (_, act, why) => {
    const name = defineSource('bad', { start: (_options, sink) => act(sink) })
    const balancer = await start({ endpoints: urls, source: { name } })
    await until(() => stats(balancer).error !== undefined)
    expect(stats(balancer).error).toMatch(why)
    expect((await answerers(balancer)).size).toBe(4)
  })
})

it('`add` and `remove` by hand go on: what is removed comes back with the next other answer', async () => {
  write(urls.slice(0, 3))
  const balancer = await start(fromFile())
  balancer.service('users').add(urls[3])
  balancer.service('users').remove(urls[0])
  balancer.service('users').set(urls[1], { weight: 7 })
  expect(ids(balancer).sort()).toEqual(urls.slice(1).sort())
  write(urls.slice(0, 2))
  await until(() => ids(balancer).includes(urls[0]))
  expect(ids(balancer)).toEqual([urls[3], urls[0], urls[1]])
  expect(balancer.service('users').endpoints[2].weight).toBe(1)
})
