/** fairlead's own connections over TLS and HTTP/2: many requests share one. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { Readable } from 'node:stream'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { type Dispatcher, request } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Balancer } from '../../lib/index.js'
import type { ConnectionCounts, ServiceConfig } from '../../lib/model/index.js'
import { type Served, serve, tlsFixture } from '../support/health-servers.js'

const TRUSTED = { ca: tlsFixture.ca, servername: 'users.test' }

function balancerAt(ports: readonly number[], service: Partial<ServiceConfig>): Balancer {
  const endpoints = ports.map((port, i) => ({ id: 'abc'[i], url: `https://127.0.0.1:${port}` }))
  const balancer = new Balancer({ services: { users: { endpoints, ...service } }, seed: 1 })
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

const countsOf = (balancer: Balancer): ConnectionCounts =>
  balancer.stats().services.users.endpoints['a'].connections

/** An HTTP/2 endpoint that holds its streams until it is told to answer. */
class Held {
  readonly server: Http2SecureServer
  served!: Served
  readonly sockets: TLSSocket[] = []
  readonly streams: ServerHttp2Stream[] = []
  /** Streams that came, and the most that were open on one connection. */
  came = 0
  most = 0

  constructor(maxConcurrentStreams?: number) {
    this.server = createSecureServer({
      ...tlsFixture.server,
      ...(maxConcurrentStreams && { settings: { maxConcurrentStreams } }),
    })
    this.server.on('secureConnection', (socket: TLSSocket) => this.sockets.push(socket))
    const open = new Map<unknown, number>()
    this.server.on('stream', (stream) => {
      const { session } = stream
      const now = (open.get(session) ?? 0) + 1
      open.set(session, now)
      this.most = Math.max(this.most, now)
      this.came++
      this.streams.push(stream)
      stream.on('error', () => {})
      stream.on('close', () => {
        open.set(session, (open.get(session) ?? 0) - 1)
        if (this.streams.includes(stream)) this.streams.splice(this.streams.indexOf(stream), 1)
      })
      stream.resume()
    })
  }

  async start(): Promise<this> {
    this.served = await serve(this.server as never)
    return this
  }

  async until(count: number): Promise<void> {
    await expect.poll(() => this.streams.length, { timeout: 5_000 }).toBe(count)
  }

  answer(count = this.streams.length): void {
    for (const stream of this.streams.splice(0, count)) {
      stream.respond({ ':status': 200 })
      stream.end('answered')
    }
  }

  /** Answers whatever comes. */
  answerAll(): void {
    this.server.on('stream', () => this.answer())
    this.answer()
  }
}

const send = async (
  dispatcher: Dispatcher,
  options: Partial<Dispatcher.RequestOptions> = {},
): Promise<string> => {
  const { body } = await request('http://users/', { dispatcher, ...options } as never)
  return body.text()
}

const many = <T>(count: number, make: (i: number) => Promise<T>): Promise<T>[] =>
  Array.from({ length: count }, (_, i) => make(i))

describe('over HTTP/2', () => {
  it('requests share one connection, from the first on, whatever the method', async () => {
    const a = await new Held().start()
    const balancer = balancerAt([a.served.port], { client: { connect: TRUSTED, allowH2: true } })
    const dispatcher = balancer.dispatcher()
    const answers = many(30, (i) =>
      i % 2 === 0 ? send(dispatcher) : send(dispatcher, { method: 'POST', body: 'text' }),
    )
    expect(countsOf(balancer)).toEqual({ open: 0, idle: 0, connecting: 1, waiting: 29 })
    await a.until(30)
    expect(countsOf(balancer)).toEqual({ open: 1, idle: 0, connecting: 0, waiting: 0 })
    a.answer()
    expect(await Promise.all(answers)).toEqual(Array(30).fill('answered'))
    expect([a.served.accepted(), a.most]).toEqual([1, 30])
    expect(countsOf(balancer)).toEqual({ open: 1, idle: 1, connecting: 0, waiting: 0 })
  })

  it('a connection carries no more than the endpoint allows; others wait where connections are limited', async () => {
    const a = await new Held(5).start()
    const client = { connect: TRUSTED, allowH2: true, connections: 1 }
    const balancer = balancerAt([a.served.port], { client })
    const dispatcher = balancer.dispatcher()
    const answers = many(12, () => send(dispatcher))
    await a.until(5)
    expect(countsOf(balancer)).toEqual({ open: 1, idle: 0, connecting: 0, waiting: 7 })
    a.answerAll()
    expect(await Promise.all(answers)).toEqual(Array(12).fill('answered'))
    expect([a.served.accepted(), a.most, a.came]).toEqual([1, 5, 12])
    expect(balancer.stats().services.users).toMatchObject({ succeeded: 12, failed: 0, retried: 0 })
  })

  it('others open a connection more where they are not limited', async () => {
    const a = await new Held(5).start()
    const balancer = balancerAt([a.served.port], { client: { connect: TRUSTED, allowH2: true } })
    const dispatcher = balancer.dispatcher()
    const answers = many(12, () => send(dispatcher))
    await a.until(12)
    expect(countsOf(balancer)).toEqual({ open: 3, idle: 0, connecting: 0, waiting: 0 })
    a.answer()
    expect(await Promise.all(answers)).toEqual(Array(12).fill('answered'))
    expect([a.served.accepted(), a.most]).toEqual([3, 5])
  })

  it('maxConcurrentStreams holds where the endpoint allows more', async () => {
    const a = await new Held(50).start()
    const client = { connect: TRUSTED, allowH2: true, maxConcurrentStreams: 3 }
    const balancer = balancerAt([a.served.port], { client })
    const dispatcher = balancer.dispatcher()
    const answers = many(6, () => send(dispatcher))
    await a.until(6)
    expect([a.served.accepted(), a.most]).toEqual([2, 3])
    a.answer()
    await Promise.all(answers)
  })

  it('bodies that are streams have a connection to begin on, and hold nobody back', async () => {
    const a = await new Held().start()
    const balancer = balancerAt([a.served.port], { client: { connect: TRUSTED, allowH2: true } })
    const dispatcher = balancer.dispatcher()
    const first = send(dispatcher)
    await a.until(1)
    const streamed = many(2, () =>
      send(dispatcher, { method: 'POST', body: Readable.from(['a', 'b', 'c']) as never }),
    )
    await a.until(3)
    const last = send(dispatcher)
    await a.until(4)
    a.answer()
    expect(await Promise.all([first, ...streamed, last])).toEqual(Array(4).fill('answered'))
    expect(a.served.accepted()).toBe(3)
  })

  it('a lost connection counts once, however many requests it takes along, and no POST is sent twice', async () => {
    const [a, b] = [await new Held().start(), await new Held().start()]
    b.answerAll()
    const balancer = balancerAt([a.served.port, b.served.port], {
      policy: 'round-robin',
      client: { connect: TRUSTED, allowH2: true },
      retry: { backoffBaseMs: 1, budget: { minPerSecond: 1_000 } },
    })
    const reasons: string[] = []
    balancer.on('endpoint', ({ type, reason }) => type === 'ejected' && reasons.push(reason))
    const dispatcher = balancer.dispatcher()
    const gets = many(20, () => send(dispatcher))
    const posts = many(20, () => send(dispatcher, { method: 'POST', body: 'once' }).catch(() => 'lost'))
    await a.until(20)
    a.sockets[0].destroy()
    expect(await Promise.all(gets)).toEqual(Array(20).fill('answered'))
    expect((await Promise.all(posts)).filter((text) => text === 'lost')).toHaveLength(10)
    expect(reasons).toEqual([])
    // Ten GETs were sent once more, and nothing else.
    expect(a.came + b.came).toBe(50)
    expect(balancer.stats().services.users.inFlight).toBe(0)
    await expect.poll(() => countsOf(balancer).waiting).toBe(0)
  })

  it('a connection that cannot be opened counts once too, and all that waited for it go elsewhere', async () => {
    const b = await new Held().start()
    b.answerAll()
    const dead = await new Held().start()
    await dead.served.stop()
    const balancer = balancerAt([dead.served.port, b.served.port], {
      policy: 'round-robin',
      client: { connect: TRUSTED, allowH2: true },
    })
    const reasons: string[] = []
    balancer.on('endpoint', ({ type, reason }) => type === 'ejected' && reasons.push(reason))
    const dispatcher = balancer.dispatcher()
    const answers = many(20, () => send(dispatcher))
    expect(await Promise.all(answers)).toEqual(Array(20).fill('answered'))
    expect(reasons).toEqual([])
    expect(balancer.stats().services.users).toMatchObject({ succeeded: 20, retried: 10, inFlight: 0 })
    expect(countsOf(balancer)).toEqual({ open: 0, idle: 0, connecting: 0, waiting: 0 })
  })

  it('a connection that is too old takes no more requests, and finishes those that it has', async () => {
    const a = await new Held().start()
    const client = { connect: TRUSTED, allowH2: true, maxConnectionAgeMs: 100 }
    const balancer = balancerAt([a.served.port], { client })
    const dispatcher = balancer.dispatcher()
    const first = send(dispatcher)
    await a.until(1)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const second = send(dispatcher)
    await a.until(2)
    expect(a.served.accepted()).toBe(2)
    a.answer()
    expect(await Promise.all([first, second])).toEqual(['answered', 'answered'])
    await expect.poll(() => a.sockets[0].destroyed, { timeout: 5_000 }).toBe(true)
  })

  it('nobody waits for long for an endpoint that never says how many streams it allows', async () => {
    const server = createTlsServer({ ...tlsFixture.server, ALPNProtocols: ['h2'] }, (socket) => {
      socket.on('error', () => {}).resume()
    })
    const { port, accepted } = await serve(server)
    const balancer = balancerAt([port], { client: { connect: TRUSTED, allowH2: true } })
    const dispatcher = balancer.dispatcher()
    const answers = many(5, () => send(dispatcher, { method: 'POST', headersTimeout: 1_500 }))
    const failures = await Promise.all(answers.map((one) => one.catch((error: unknown) => error)))
    for (const failure of failures) expect(failure).toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' })
    expect(accepted()).toBe(5)
  })

  it('where the endpoint speaks HTTP/1.1 after all, each request has a connection of its own', async () => {
    const server = createHttpsServer({ ...tlsFixture.server }, (_incoming, response) => {
      setTimeout(() => response.end('one'), 50)
    })
    const { port, accepted } = await serve(server)
    const balancer = balancerAt([port], { client: { connect: TRUSTED, allowH2: true } })
    const dispatcher = balancer.dispatcher()
    expect(await Promise.all(many(6, () => send(dispatcher)))).toEqual(Array(6).fill('one'))
    expect(accepted()).toBe(6)
    expect(countsOf(balancer)).toEqual({ open: 6, idle: 6, connecting: 0, waiting: 0 })
  })
})

it('pipelining sends several requests over one connection of HTTP/1.1', async () => {
  const server = createHttpsServer({ ...tlsFixture.server }, (_incoming, response) => {
    setTimeout(() => response.end('one'), 50)
  })
  const { port, accepted } = await serve(server)
  const balancer = balancerAt([port], { client: { connect: TRUSTED, pipelining: 4, connections: 2 } })
  const dispatcher = balancer.dispatcher()
  expect(await Promise.all(many(16, () => send(dispatcher)))).toEqual(Array(16).fill('one'))
  expect(accepted()).toBe(2)
})

it('later connections resume the TLS session of the first', async () => {
  const reused: boolean[] = []
  const server = createHttpsServer({ ...tlsFixture.server }, (incoming, response) => {
    reused.push((incoming.socket as TLSSocket).isSessionReused())
    response.writeHead(200, { connection: 'close' }).end('one')
  })
  const { port } = await serve(server)
  const dispatcher = balancerAt([port], { client: { connect: TRUSTED } }).dispatcher()
  for (let i = 0; i < 3; i++) expect(await send(dispatcher)).toBe('one')
  expect(reused).toEqual([false, true, true])
})

it("undici's diagnostics channels show every try", async () => {
  const [a, b] = [await new Held().start(), await new Held().start()]
  for (const { server } of [a, b])
    server.on('stream', (stream) => {
      stream.respond({ ':status': 503 })
      stream.end()
    })
  const seen: string[] = []
  const listeners = ['undici:request:create', 'undici:client:sendHeaders', 'undici:request:headers'].map(
    (channel) => {
      const listener = (): void => void seen.push(channel)
      subscribe(channel, listener)
      onTestFinished(() => void unsubscribe(channel, listener))
      return channel
    },
  )
  const balancer = balancerAt([a.served.port, b.served.port], {
    client: { connect: TRUSTED, allowH2: true },
    retry: { attempts: 3, backoffBaseMs: 1 },
  })
  await send(balancer.dispatcher())
  expect(seen).toHaveLength(listeners.length * 3)
  for (const channel of listeners) expect(seen.filter((one) => one === channel)).toHaveLength(3)
})

it('a GOAWAY says which streams were not acted on: those go elsewhere, whatever their method', async () => {
  const [a, b] = [await new Held().start(), await new Held().start()]
  b.answerAll()
  const balancer = balancerAt([a.served.port, b.served.port], { client: { connect: TRUSTED, allowH2: true } })
  const users = balancer.service('users')
  users.set('b', { state: 'drain' })
  const dispatcher = balancer.dispatcher()
  const post = (): Promise<string> =>
    request('http://users/', { dispatcher, method: 'POST', body: 'x' }).then(({ body }) => body.text())
  const first = post()
  await a.until(1)
  const others = [post(), post()]
  await a.until(3)
  users.set('b', { state: 'ready' })
  const [acted] = a.streams
  acted.session?.goaway(0, acted.id)
  // Once the notice is out.
  setTimeout(() => acted.session?.destroy(), 50)
  const [one, ...rest] = await Promise.allSettled([first, ...others])
  expect(rest).toEqual([
    { status: 'fulfilled', value: 'answered' },
    { status: 'fulfilled', value: 'answered' },
  ])
  // It may have been acted on.
  expect(one.status).toBe('rejected')
  expect(b.came).toBe(2)
})
