import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemTimers } from '../../lib/runtime/timers.js'
import { startHttp } from '../../lib/sources/http.js'
import type { RunningSource } from '../../lib/sources/source.js'
import { until } from '../support/until.js'
import { RecordingSink } from './sink.js'

let server: Server
let answer: (request: IncomingMessage, response: ServerResponse) => void
let requests: IncomingMessage[]
let sink: RecordingSink
let source: RunningSource | undefined

beforeEach(async () => {
  requests = []
  sink = new RecordingSink()
  answer = (_, response) => response.end('["http://a:1"]')
  server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  source?.stop()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const start = (options: { timeout?: number; headers?: Record<string, string> } = {}): void => {
  const url = `${origin()}/users?token=secret`
  source = startHttp({ url, interval: 10, timeout: 2_000, headers: {}, ...options }, sink, systemTimers)
}

it('is asked each interval, with the headers that are configured', async () => {
  start({ headers: { authorization: 'Bearer x' } })
  await until(() => sink.answers.length === 3)
  expect(sink.answers[0]).toEqual(['http://a:1'])
  expect(requests[0].url).toBe('/users?token=secret')
  expect(requests[0].headers).toMatchObject({ authorization: 'Bearer x', accept: /json/ })
})

it('is not sent again what has the same ETag; what is refused is', async () => {
  answer = (request, response) => {
    response.setHeader('etag', '"1"')
    if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end()
    else response.end('- http://a:1\n')
  }
  sink.refuses = true
  start()
  await until(() => requests.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 20))
  sink.refuses = false
  await until(() => sink.unchangedTimes === 2)
  expect(sink.answers).toEqual([['http://a:1']])
  expect(requests.slice(0, 3).map(({ headers }) => headers['if-none-match'])).toEqual([
    undefined,
    undefined,
    '"1"',
  ])
})

it.each<[string, (response: ServerResponse) => void, RegExp]>([
  ['an error', (response) => response.writeHead(503).end('["http://b:1"]'), /answers 503; 200 is wanted/],
  [
    'a redirect',
    (response) => response.writeHead(302, { location: 'http://b/' }).end(),
    /answers 302, to http:\/\/b\/, which is not followed/,
  ],
  ['304 without being asked', (response) => response.writeHead(304).end(), /answers 304/],
  ['no list', (response) => response.end('<html>'), /what http:\/\/127.0.0.1:\d+ answers: it holds no list/],
  [
    'half an answer',
    (response) => response.writeHead(200, { 'content-length': 99 }).write('["http', () => response.destroy()),
    /./,
  ],
  ['nothing', (response) => response.destroy(), /cannot be asked/],
])('that answers with %s has failed, and its secrets are not told', async (_, respond, why) => {
  answer = (_request, response) => respond(response)
  start()
  await until(() => sink.errors.length > 0)
  expect(sink.errors[0]).toMatch(why)
  expect(sink.errors[0]).not.toContain('secret')
  expect(sink.answers).toEqual([])
})

it('that never answers is given up, and asked again', async () => {
  answer = () => {}
  start({ timeout: 50 })
  await until(() => requests.length === 2)
  expect(sink.errors[0]).toBe('there is no answer after 50 ms')
})
