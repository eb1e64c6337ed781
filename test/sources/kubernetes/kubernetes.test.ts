/**
 * Against a server that was written for this test from the public pages of the Kubernetes API (`api-server.ts`). It is no real
 * Kubernetes: what those pages do not say, or a real server does otherwise, is not tested here.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { systemTimers, type Timers } from '../../../lib/runtime/timers.js'
import { type ResolvedKubernetes, startKubernetes } from '../../../lib/sources/kubernetes/kubernetes.js'
import type { RunningSource } from '../../../lib/sources/source.js'
import { tlsFixture } from '../../support/health-servers.js'
import { ManualTimers } from '../../support/manual-timers.js'
import { until } from '../../support/until.js'
import { RecordingSink } from '../sink.js'
import { ApiServer, event, status } from './api-server.js'
import { draining, ready, slice, unready } from './slice.js'

const CASE_MS = 20_000
/** Less than idle connections are kept by either side. */
const IDLE_MS = 3_000
vi.setConfig({ testTimeout: CASE_MS })

let server: ApiServer
let sink: RecordingSink
let source: RunningSource | undefined
let folder: string
/** The shortest waits. */
const timers: Timers = { ...systemTimers, random: () => 0 }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fairlead-kubernetes-'))
  server = new ApiServer()
  sink = new RecordingSink()
  await server.start()
})

afterEach(async () => {
  source?.stop()
  source = undefined
  await server.goAway()
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true, force: true })
})

const start = (options: Partial<ResolvedKubernetes> = {}, its: Timers = timers): void => {
  const given = {
    service: 'users',
    scheme: 'http',
    server: server.origin,
    tokenFile: join(folder, 'token'),
  } as const
  source = startKubernetes({ ...given, ...options }, sink, its)
}

/** Pods with these last numbers of their addresses. */
const pods = (...numbers: number[]) => slice({ endpoints: numbers.map((last) => ready(`10.0.0.${last}`)) })
const urlsOf = (answer: readonly unknown[] | undefined): string[] =>
  (answer as { url: string }[] | undefined)?.map(({ url }) => url) ?? []
const numbers = (): number[][] =>
  sink.answers.map((answer) => urlsOf(answer).map((url) => Number(/\.(\d+):/.exec(url)?.[1])))

const watching = (): Promise<void> => until(() => server.streams === 1)

it('lists, then watches from the version of the list', async () => {
  server.put(pods(1))
  start({ namespace: 'shop' })
  await watching()
  expect(numbers()).toEqual([[1]])
  const [list] = server.lists
  expect(list.namespace).toBe('shop')
  expect(Object.fromEntries(list.query)).toEqual({
    labelSelector: 'kubernetes.io/service-name=users',
    limit: '500',
  })
  expect(Object.fromEntries(server.watches[0].query)).toEqual({
    labelSelector: 'kubernetes.io/service-name=users',
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion: '101',
    timeoutSeconds: '240',
  })
})

it('follows pods that come, go, get ready and end', async () => {
  server.put(pods(1))
  start()
  await watching()
  server.put(pods(1, 2))
  await until(() => sink.answers.length === 2)
  server.put(slice({ name: 'users-b', endpoints: [ready('10.0.0.3'), unready('10.0.0.4')] }))
  await until(() => sink.answers.length === 3)
  server.remove('users-a')
  await until(() => sink.answers.length === 4)
  server.put(slice({ name: 'users-b', endpoints: [draining('10.0.0.3'), ready('10.0.0.4')] }))
  await until(() => sink.answers.length === 5)
  server.put(slice({ name: 'users-b', endpoints: [draining('10.0.0.3'), unready('10.0.0.4')] }))
  await until(() => sink.answers.length === 6)
  server.remove('users-b')
  await until(() => sink.answers.length === 7)
  expect(numbers()).toEqual([[1], [1, 2], [1, 2, 3], [3], [4], [3], []])
  expect(sink.errors).toEqual([])
  expect(server.lists).toHaveLength(1)
})

it('tells an empty list of a service without slices', async () => {
  start()
  await watching()
  expect(sink.answers).toEqual([[]])
})

it('reads all pages, and tells them as one answer', async () => {
  for (let i = 1; i <= 5; i++) server.put(slice({ name: `users-${i}`, endpoints: [ready(`10.0.0.${i}`)] }))
  server.pageSize = 2
  start()
  await watching()
  expect(numbers()).toEqual([[1, 2, 3, 4, 5]])
  expect(server.lists.map(({ query }) => query.get('continue'))).toEqual([null, '2', '4'])
})

it('tells nothing where nothing differs, and that it is alive on a bookmark', async () => {
  server.put(pods(1))
  start()
  await watching()
  server.put(slice({ name: 'users-b', endpoints: [unready('10.0.0.2')] }))
  server.bookmark()
  await until(() => sink.unchangedTimes === 1)
  expect(numbers()).toEqual([[1]])
  const { version } = server
  server.endWatches()
  await until(() => server.watches.length === 2)
  expect(server.watches[1].query.get('resourceVersion')).toBe(String(version))
})

it('watches again where the server ends a watch, without a list or a failure', async () => {
  server.put(pods(1))
  start()
  await watching()
  server.put(pods(2))
  await until(() => sink.answers.length === 2)
  server.endWatches()
  server.put(pods(3))
  await until(() => sink.answers.length === 3)
  server.endWatches()
  await until(() => server.watches.length === 3)
  expect(server.watches.map(({ query }) => query.get('resourceVersion'))).toEqual(['101', '102', '103'])
  expect(numbers()).toEqual([[1], [2], [3]])
  expect(server.lists).toHaveLength(1)
  expect(sink.errors).toEqual([])
})

it('does not ask without end where each watch ends at once', async () => {
  server.endsWatchesAtOnce = true
  start()
  await until(() => server.watches.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(server.watches.length).toBeLessThanOrEqual(2)
  server.endsWatchesAtOnce = false
  await watching()
  expect(server.lists).toHaveLength(1)
  expect(sink.errors).toEqual([])
})

it('takes an event that comes in pieces, and several that come at once as one answer', async () => {
  start()
  await watching()
  const line = Buffer.from(event('ADDED', slice({ endpoints: [ready('10.0.0.1', { zone: 'zürich' })] })))
  const middle = line.indexOf(0xc3) + 1
  server.send(line.subarray(0, middle))
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(sink.answers).toHaveLength(1)
  server.send(line.subarray(middle))
  await until(() => sink.answers.length === 2)
  expect(sink.answers[1]).toMatchObject([{ zone: 'zürich' }])
  server.send(event('MODIFIED', pods(1, 2)) + event('MODIFIED', pods(1, 2, 3)))
  await until(() => sink.answers.length === 3)
  expect(numbers()[2]).toEqual([1, 2, 3])
})

it('ignores events that come twice, too late, or for what is not there', async () => {
  const at = (version: number, ...last: number[]) => {
    const object = pods(...last)
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
  }
  server.put(pods(1))
  start()
  await watching()
  server.send(event('MODIFIED', at(1_000, 2)))
  await until(() => sink.answers.length === 2)
  const { metadata } = slice({ name: 'unknown' })
  server.send(event('MODIFIED', at(999, 3)))
  server.send(event('MODIFIED', at(1_000, 2)))
  server.send(event('DELETED', at(998, 2)))
  server.send(event('DELETED', { metadata }))
  server.send(event('BOOKMARK', { metadata: { resourceVersion: '500' } }))
  await until(() => sink.unchangedTimes === 1)
  expect(numbers()).toEqual([[1], [2]])
  server.endWatches()
  await until(() => server.watches.length === 2)
  expect(server.watches[1].query.get('resourceVersion')).toBe('1000')
})

it.each<[string, () => void]>([
  [
    'as an event',
    () => server.send(event('ERROR', status({ code: 410, message: 'too old resource version' }))),
  ],
  [
    'as a status',
    () => {
      server.compact()
      server.endWatches()
    },
  ],
])('lists anew at once where its version is too old, told %s', async (_, tell) => {
  server.put(pods(1))
  start()
  await watching()
  server.putUnseen(pods(2))
  tell()
  await until(() => sink.answers.length === 2)
  await until(() => server.streams === 1)
  expect(numbers()).toEqual([[1], [2]])
  expect(server.lists).toHaveLength(2)
  expect(sink.errors).toEqual([])
})

it('takes it for a failure where 410 is all that the server says', async () => {
  server.refusesWatches = { code: 410, message: 'too old' }
  start()
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(/endpointslices \(watch\) answers 410: too old/)
  expect(server.lists).toHaveLength(2)
})

it.each<[string, () => void, RegExp]>([
  [
    'a line that is no JSON',
    () => server.send('{"type":"ADD\n'),
    /\(watch\) sends what is no event: \{"type":"ADD/,
  ],
  ['a line that is no event', () => server.send('[1]\n'), /sends what is no event: \[1\]/],
  [
    'half a line at its end',
    () => {
      server.send('{"type"')
      server.endWatches()
    },
    /sends what is no event: \{"type"/,
  ],
  [
    'an error',
    () => server.send(event('ERROR', status({ code: 500, message: 'boom' }))),
    /sends an error, 500: boom/,
  ],
  ['an error without anything', () => server.send(event('ERROR', { code: { toString: 1 } })), /no message/],
  ['a slice without a name', () => server.send(event('ADDED', {})), /neither metadata.uid nor metadata.name/],
  ['the end of its connection', () => server.cutWatches(), /\(watch\) broke off: /],
])('lists again after a watch with %s', async (_, harm, why) => {
  server.put(pods(1))
  start()
  await watching()
  harm()
  server.putUnseen(pods(2))
  await until(() => sink.answers.length === 2)
  await watching()
  expect(sink.errors).toHaveLength(1)
  expect(sink.errors[0]).toMatch(why)
  expect(numbers()).toEqual([[1], [2]])
})

it('takes what comes before a line that is wrong', async () => {
  server.put(pods(1))
  start()
  await watching()
  server.send(`${event('MODIFIED', pods(2))}broken\n`)
  await until(() => sink.errors.length === 1)
  expect(numbers()).toEqual([[1], [2]])
})

it('keeps what it knows while the server is away, and goes on when it is back', async () => {
  server.put(pods(1))
  start()
  await watching()
  await server.goAway()
  await until(() => sink.errors.length >= 2)
  expect(sink.errors[1]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/apis\/.*\(list\) cannot be asked: /)
  expect(numbers()).toEqual([[1]])
  await server.start()
  await watching()
  expect(sink.unchangedTimes).toBe(1)
  server.put(pods(1, 2))
  await until(() => sink.answers.length === 2)
  expect(numbers()).toEqual([[1], [1, 2]])
})

it('that may not list says what right it needs, and nothing secret', async () => {
  await writeFile(join(folder, 'token'), 'secret')
  server.refusesLists = { code: 403, message: 'endpointslices is forbidden' }
  start({ namespace: 'shop' })
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toBe(
    `${server.origin}/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices (list) answers 403: endpointslices is forbidden; the service account needs get, list and watch on endpointslices.discovery.k8s.io in namespace shop`,
  )
  server.refusesLists = undefined
  await watching()
  expect(sink.answers).toEqual([[]])
})

it('waits ever longer where it may list and not watch', async () => {
  const waits: number[] = []
  const hasty: Timers = {
    ...systemTimers,
    random: () => 0.5,
    after(ms, fn) {
      const isPause = ms < 30_000
      if (isPause) waits.push(ms)
      return systemTimers.after(isPause ? 0 : ms, fn)
    },
  }
  server.refusesWatches = { code: 403, message: 'no' }
  start({}, hasty)
  await until(() => waits.length >= 4)
  expect(waits.slice(0, 4)).toEqual([375, 750, 1_500, 3_000])
  expect(sink.errors[0]).toMatch(/\(watch\) answers 403: no; .* and there was no token to send \(.*token\)/)
})

it.each([
  [429, '7', 7_000],
  [503, '9999', 300_000],
  [500, '7', 250],
])('waits for as long as a server that is busy asks for: %i, %s s', async (code, retryAfter, ms) => {
  const waits: number[] = []
  const hasty: Timers = {
    ...timers,
    after(after, fn) {
      const isLimit = after === 60_000
      if (!isLimit) waits.push(after)
      return systemTimers.after(isLimit ? after : 1, fn)
    },
  }
  server.refusesLists = { code, message: 'busy', retryAfter }
  start({}, hasty)
  await until(() => waits.length >= 1)
  expect(waits[0]).toBe(ms)
  expect(sink.errors[0]).toMatch(/answers \d+: busy; 200 is wanted/)
})

it('tells again what was refused, with the next event', async () => {
  sink.refuses = true
  server.put(pods(1))
  start()
  await watching()
  sink.refuses = false
  server.bookmark()
  await until(() => sink.answers.length === 1)
  expect(numbers()).toEqual([[1]])
  expect(sink.unchangedTimes).toBe(0)
})

it('names the slice that is malformed, keeps what was found, and goes on watching', async () => {
  server.put(pods(1))
  start()
  await watching()
  server.put(slice({ name: 'users-b', endpoints: 'none' }))
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toBe('EndpointSlice "users-b": its endpoints are no array')
  server.put(slice({ name: 'users-b', endpoints: [] }))
  await until(() => sink.unchangedTimes === 1)
  expect(numbers()).toEqual([[1]])
  expect(server.lists).toHaveLength(1)
})

it('reads the token for each request, and the namespace beside it', async () => {
  await writeFile(join(folder, 'token'), 'one\n')
  await writeFile(join(folder, 'namespace'), 'shop\n')
  start()
  await watching()
  await writeFile(join(folder, 'token'), 'two\n')
  server.put(pods(1))
  await until(() => sink.answers.length === 2)
  server.endWatches()
  await until(() => server.watches.length === 2)
  expect(server.lists[0]).toMatchObject({ namespace: 'shop', authorization: 'Bearer one' })
  expect(server.watches.map(({ authorization }) => authorization)).toEqual(['Bearer one', 'Bearer two'])
})

it('asks anonymously in the namespace `default` where there are no files', async () => {
  start()
  await watching()
  expect(server.lists[0]).toMatchObject({ namespace: 'default', authorization: undefined })
})

it('encodes names, and keeps the path of the server', async () => {
  start({ server: `${server.origin}/k8s/`, service: 'a&b', namespace: 'x/../y' })
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(
    /\/k8s\/apis\/.*\/namespaces\/x%2F..%2Fy\/endpointslices \(list\) answers 404: page/,
  )
})

it('says so where this is no pod and no server is named', async () => {
  vi.stubEnv('KUBERNETES_SERVICE_HOST', '')
  start({ server: undefined })
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(/KUBERNETES_SERVICE_HOST is not set/)
})

it('finds the server of its cluster as a pod does, and trusts its authority', async () => {
  const secure = new ApiServer(tlsFixture.server)
  try {
    await secure.start()
    await writeFile(join(folder, 'token'), 'one')
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '127.0.0.1')
    vi.stubEnv('KUBERNETES_SERVICE_PORT', String(secure.port))
    start({ server: undefined })
    await until(() => sink.errors.length === 1)
    expect(sink.errors[0]).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/.* cannot be asked: .*certificate/)
    expect(secure.lists).toEqual([])
    await writeFile(join(folder, 'ca.crt'), tlsFixture.ca)
    await until(() => secure.streams === 1)
    expect(sink.answers).toEqual([[]])
    expect(secure.lists[0].authorization).toBe('Bearer one')
  } finally {
    source?.stop()
    await secure.goAway()
  }
})

it('gives up a watch that is silent for too long', async () => {
  const manual = new ManualTimers(0, () => 0)
  server.put(pods(1))
  start({}, manual)
  await watching()
  server.put(pods(1, 2))
  await until(() => sink.answers.length === 2)
  await manual.advance(269_000)
  expect(sink.errors).toEqual([])
  server.bookmark()
  await until(() => sink.unchangedTimes === 1)
  await manual.advance(269_000)
  expect(sink.errors).toEqual([])
  await manual.advance(1_001)
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(/\(watch\) has brought nothing for 270 s/)
  await until(() => server.streams === 0)
  await manual.advance(250)
  await watching()
  expect(server.lists).toHaveLength(2)
})

it('does not keep the process alive while it watches', async () => {
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  const before = sockets()
  start()
  await watching()
  // The server's end of it, and not the source's.
  await until(() => sockets() === before + 1)
  server.put(pods(1))
  await until(() => sink.answers.length === 2)
  server.endWatches()
  await until(() => server.watches.length === 2 && server.streams === 1)
  await until(() => sockets() === before + 1)
})

it.each<[string, () => void | Promise<void>]>([
  ['before it has asked', () => {}],
  ['while it lists', () => until(() => server.lists.length === 1)],
  ['while it watches', watching],
  [
    'while it waits',
    async () => {
      await watching()
      server.cutWatches()
      await until(() => sink.errors.length === 1)
    },
  ],
  [
    'while its connection is idle',
    async () => {
      await watching()
      server.endWatches()
      await new Promise((resolve) => setTimeout(resolve, 50))
    },
  ],
])('stopped %s leaves nothing, and tells nothing', async (_, ready) => {
  const manual = new ManualTimers()
  server.put(pods(1))
  start({}, manual)
  await ready()
  source?.stop()
  const { answers, errors, unchangedTimes } = sink
  const told = [answers.length, errors.length, unchangedTimes]
  const stopped = performance.now()
  await until(async () => (await server.connections()) === 0)
  expect(performance.now() - stopped).toBeLessThan(IDLE_MS)
  server.put(pods(2))
  await manual.advance(600_000)
  expect([answers.length, errors.length, sink.unchangedTimes]).toEqual(told)
  expect(manual.pending).toBe(0)
  expect(await server.connections()).toBe(0)
})
