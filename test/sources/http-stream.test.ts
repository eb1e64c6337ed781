/** A server that answers with a stream of events (SSE). */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemTimers, type Timers } from '../../lib/runtime/timers.js'
import { startHttp } from '../../lib/sources/http.js'
import type { RunningSource } from '../../lib/sources/source.js'
import { ManualTimers } from '../support/manual-timers.js'
import { until } from '../support/until.js'
import { RecordingSink } from './sink.js'

let server: Server
let requests: IncomingMessage[]
let streams: Set<ServerResponse>
/** What each stream begins with. */
let begin: (response: ServerResponse, request: IncomingMessage) => void
let sink: RecordingSink
let source: RunningSource | undefined
/** Waits, as they were asked for; the time limits are none. */
let waits: number[]

/** A machine may be busy. */
const LOOK_MS = 23_456

/** Waits no longer than a test may take. */
const hasty: Timers = {
  ...systemTimers,
  random: () => 0,
  after(ms, fn) {
    const isWait = ms !== 60_000 && ms !== LOOK_MS
    if (isWait) waits.push(ms)
    return systemTimers.after(isWait ? 1 : ms, fn)
  },
}

beforeEach(async () => {
  requests = []
  waits = []
  streams = new Set()
  sink = new RecordingSink()
  begin = () => {}
  server = createServer((request, response) => {
    requests.push(request)
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    response.flushHeaders()
    streams.add(response)
    response.on('close', () => streams.delete(response))
    begin(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  source?.stop()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const start = (timers: Timers = hasty): void => {
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/users?token=secret`
  source = startHttp({ url, interval: 10, timeout: LOOK_MS, headers: {} }, sink, timers)
}

const listening = (): Promise<void> => until(() => streams.size === 1)
const send = (text: string | Uint8Array): void => {
  for (const stream of streams) stream.write(text)
}
/** What was sent is on its way for no longer than this, on loopback. */
const arrived = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50))
const list = (...ports: number[]): string =>
  `data: ${JSON.stringify(ports.map((port) => `http://a:${port}`))}\n\n`
const found = (): string[] =>
  sink.answers.map((answer) => answer.map((url) => String(url).slice(-1)).join(''))

it('is listened to: each message is a list, as in a body', async () => {
  start()
  await listening()
  expect(requests[0].headers.accept).toContain('text/event-stream')
  send(list(1))
  await until(() => sink.answers.length === 1)
  send('event: message\ndata: endpoints:\ndata:  - http://a:1\ndata:  - http://a:2\n\n')
  await until(() => sink.answers.length === 2)
  expect(found()).toEqual(['1', '12'])
  expect(requests).toHaveLength(1)
  expect(sink.errors).toEqual([])
})

it('is alive with each comment and each event of others, once a list is known', async () => {
  start()
  await listening()
  send(': hello\n\n')
  await arrived()
  expect(sink.unchangedTimes).toBe(0)
  send(list(1))
  await until(() => sink.answers.length === 1)
  send(': hello\n\n')
  await until(() => sink.unchangedTimes === 1)
  send('event: ping\ndata: 7\n\n')
  await until(() => sink.unchangedTimes === 2)
  expect(found()).toEqual(['1'])
})

it('tells of lists that come at once the last one alone', async () => {
  start()
  await listening()
  send(list(1) + list(2) + list(3))
  await until(() => sink.answers.length === 1)
  expect(found()).toEqual(['3'])
})

it('comes back where the server ends the stream, after the time that it says, and names the last event', async () => {
  begin = (response) => void response.end(`retry: 4000\nid: 7\n${list(requests.length)}`)
  start()
  await until(() => requests.length >= 3)
  expect(requests.map(({ headers }) => headers['last-event-id']).slice(0, 3)).toEqual([undefined, '7', '7'])
  expect(waits.slice(0, 2)).toEqual([4_000, 4_000])
  expect(sink.errors).toEqual([])
})

it.each([
  ['', 1_000],
  ['retry: 0\n', 250],
  ['retry: 999999999999\n', 300_000],
])('comes back after a time within bounds: %j', async (retry, ms) => {
  begin = (response) => void response.end(`${retry}${list(1)}`)
  start()
  await until(() => requests.length >= 2)
  expect(waits[0]).toBe(ms)
})

it('cut in the middle of an event has failed, what was found stays, and half an event counts for nothing', async () => {
  start()
  await listening()
  send(`id: 1\n${list(1)}`)
  await until(() => sink.answers.length === 1)
  send('id: 2\ndata: ["http://a:2"]\n')
  await arrived()
  for (const stream of streams) stream.destroy()
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+ broke off: /)
  await until(() => requests.length === 2)
  await listening()
  expect(requests[1].headers['last-event-id']).toBe('1')
  send(': still here\n')
  await until(() => sink.unchangedTimes === 1)
  expect(found()).toEqual(['1'])
})

it('is left alone ever longer where it is cut each time, for as long as it says at the least', async () => {
  begin = (response) => {
    const isLate = requests.length > 4
    response.write(`${isLate ? 'retry: 9000\n' : ''}${list(1)}`, () =>
      setTimeout(() => response.destroy(), 5),
    )
  }
  start()
  await until(() => waits.length >= 6)
  expect(waits.slice(0, 5)).toEqual([250, 500, 1_000, 2_000, 9_000])
})

it('a message that is no list is told, and the next one mends it', async () => {
  start()
  await listening()
  send(`id: 1\n${list(1)}`)
  await until(() => sink.answers.length === 1)
  send('data: {"users": 7}\n\n')
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(/^what http:\/\/127\.0\.0\.1:\d+ answers: it holds no list of endpoints/)
  // Alive, but what it says is wrong still.
  send(': hello\n\n')
  await arrived()
  send(list(2))
  await until(() => sink.answers.length === 2)
  expect(found()).toEqual(['1', '2'])
  expect(sink.unchangedTimes).toBe(0)
  expect(requests).toHaveLength(1)
})

it('does not name an event that was refused', async () => {
  sink.refuses = true
  begin = (response) => void response.end(`id: 7\n${list(1)}`)
  start()
  await until(() => requests.length >= 2)
  expect(requests[1].headers['last-event-id']).toBeUndefined()
})

it.each<[string, () => void, RegExp]>([
  [
    'ends without a list',
    () => void [...streams][0].end(': hello\n\n'),
    /has ended its stream without a list$/,
  ],
  [
    'ends with garbage',
    () => void [...streams][0].end(Buffer.alloc(100_000, 0xfe)),
    /has ended its stream without a list$/,
  ],
  [
    'never ends an event',
    () => {
      const [stream] = streams
      const more = (): void => {
        while (!stream.destroyed && stream.write(`data: ${'x'.repeat(65_000)}\n`));
        if (!stream.destroyed) stream.once('drain', more)
      }
      more()
    },
    /: an event has more than 16777216 characters, the most that are taken$/,
  ],
])('that %s has failed', async (_, harm, why) => {
  start()
  await listening()
  harm()
  await until(() => sink.errors.length >= 1)
  expect(sink.errors[0]).toMatch(why)
  expect(sink.errors[0]).not.toContain('secret')
  expect(sink.answers).toEqual([])
})

it('that is silent for a minute is given up, whatever else drips in', async () => {
  const manual = new ManualTimers(0, () => 0)
  start(manual)
  await listening()
  await arrived()
  // Longer than an answer that is no stream may take.
  await manual.advance(59_000)
  expect(sink.errors).toEqual([])
  send(list(1))
  await until(() => sink.answers.length === 1)
  await manual.advance(59_000)
  send(': hello\n')
  await until(() => sink.unchangedTimes === 1)
  await manual.advance(59_000)
  send('data: [\n')
  await arrived()
  expect(sink.errors).toEqual([])
  await manual.advance(1_001)
  await until(() => sink.errors.length === 1)
  expect(sink.errors[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+ has sent no event and no comment for 60000 ms$/)
  await until(() => streams.size === 0)
  await manual.advance(250)
  await listening()
  expect(found()).toEqual(['1'])
})

it('may say more than an answer may hold, over time', async () => {
  start()
  await listening()
  const comment = `:${'x'.repeat(2 ** 20)}\n`
  for (let i = 0; i < 80; i++) {
    const [stream] = streams
    if (!stream.write(comment)) await new Promise((resolve) => stream.once('drain', resolve))
  }
  send(list(1))
  await until(() => sink.answers.length === 1)
  expect(sink.errors).toEqual([])
}, 30_000)

it('may answer with lists one time, and with events the next', async () => {
  begin = (response) => void response.end(list(2))
  let isFirst = true
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    requests.push(request)
    if (isFirst) response.writeHead(200, { etag: '"1"' }).end('["http://a:1"]')
    else response.writeHead(200, { 'content-type': 'TEXT/EVENT-STREAM' }).end(list(2))
    isFirst = false
  })
  start()
  await until(() => requests.length >= 3)
  expect(found().slice(0, 2)).toEqual(['1', '2'])
  expect(requests.slice(0, 3).map(({ headers }) => headers['if-none-match'])).toEqual([
    undefined,
    '"1"',
    undefined,
  ])
})

it('does not keep the process alive, and leaves nothing when it is stopped', async () => {
  const sockets = (): number =>
    process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
  const manual = new ManualTimers()
  // Those of the tests before are on their way out.
  await until(() => sockets() === 0)
  start(manual)
  await listening()
  send(list(1))
  await until(() => sink.answers.length === 1)
  // The server's end of it, and not the source's.
  await until(() => sockets() === 1)
  source?.stop()
  await until(() => streams.size === 0)
  await manual.advance(600_000)
  expect(manual.pending).toBe(0)
  expect(sink.errors).toEqual([])
  expect(requests).toHaveLength(1)
})
