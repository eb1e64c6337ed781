/** The proxy's connections to endpoints, as the balancer drives them: real endpoints, and a handler that writes down what it is told. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { type Duplex, PassThrough } from 'node:stream'
import { errors } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { EndpointConnections, openConnections } from '../../../lib/cli/proxy/endpoint-connections.js'
import { RequestBody } from '../../../lib/cli/proxy/request-body.js'
import type { Abort, Handler, RawHeaders } from '../../../lib/clients/handler.js'
import { Transports } from '../../../lib/clients/transports.js'
import { isMarkedIdleClose } from '../../../lib/connections/idle-close.js'
import type { ResolvedClient } from '../../../lib/connections/options.js'
import type { Endpoint } from '../../../lib/model/index.js'
import { until } from '../../support/until.js'

const texts = (raw: RawHeaders | null): string[] => (raw ?? []).map((text) => text.toString('latin1'))

/** Writes down what it is told. What `throwAt` names throws. */
class Recorder implements Handler {
  readonly log: string[] = []
  headers: string[] = []
  trailers: string[] = []
  body = ''
  error: (Error & { code?: string }) | undefined
  socket: Duplex | undefined
  abort: Abort = () => {}
  resume: () => void = () => {}
  /** What `onHeaders` and `onData` answer. */
  goOn = true
  readonly #throwAt: string | undefined

  constructor(throwAt?: string) {
    this.#throwAt = throwAt
  }

  get isOver(): boolean {
    return ['complete', 'error', 'upgrade'].includes(this.log.at(-1) ?? '')
  }

  onConnect(abort: Abort): void {
    this.abort = abort
    this.#note('connect')
  }

  onHeaders(status: number, raw: RawHeaders, resume: () => void, text: string): boolean {
    this.headers = texts(raw)
    this.resume = resume
    this.#note(`${status} ${text}`)
    return this.goOn
  }

  onData(chunk: Buffer): boolean {
    this.body += chunk.toString()
    if (this.log.at(-1) !== 'data') this.#note('data')
    return this.goOn
  }

  onComplete(raw: RawHeaders): void {
    this.trailers = texts(raw)
    this.#note('complete')
  }

  onUpgrade(status: number, raw: RawHeaders, socket: Duplex): void {
    this.headers = texts(raw)
    this.socket = socket
    this.log.push(String(status))
    this.#note('upgrade')
  }

  onError(error: Error): void {
    this.error = error
    this.log.push('error')
  }

  #note(what: string): void {
    this.log.push(what)
    if (this.#throwAt !== undefined && what.includes(this.#throwAt)) throw new Error(`thrown at ${what}`)
  }
}

const addressOf = (server: { address(): unknown }): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`

async function httpEndpoint(listener: RequestListener) {
  const sockets = new Set<Socket>()
  const server = createServer({ keepAliveTimeout: 0 }, listener)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: addressOf(server), server, sockets }
}

/** Writes `answer` for each request, byte for byte. */
async function rawEndpoint(answer: (socket: Socket, count: number) => void) {
  let count = 0
  const sockets: Socket[] = []
  const server = createTcpServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {}).on('data', () => answer(socket, ++count))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { url: addressOf(server), sockets }
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const endpointAt = (url: string) => ({ id: url, url }) as Endpoint

function connectionsTo(url: string, client: Partial<ResolvedClient> = {}) {
  const connections = new EndpointConnections(client as ResolvedClient)
  onTestFinished(() => connections.destroy())
  const send = (options: object = {}, recorder = new Recorder()): Recorder => {
    const { dispatcher } = connections.to(endpointAt(url))
    const given = { path: '/', method: 'GET', headers: [], body: null, upgrade: null, ...options }
    dispatcher?.dispatch(given as never, recorder as never)
    return recorder
  }
  const ask = async (options?: object, recorder?: Recorder): Promise<Recorder> => {
    const sent = send(options, recorder)
    await until(() => sent.isOver)
    return sent
  }
  return { connections, send, ask, counts: () => connections.counts(url) }
}

describe('an answer of an endpoint', () => {
  it('is told as undici tells it', async () => {
    const { url } = await httpEndpoint((request, response) => {
      response.writeHead(201, 'Gr\xc3\xbc\xc3\x9fe', [
        'X-Path',
        `${request.method} ${request.url}`,
        'trailer',
        'x-sum',
      ])
      response.write('ab')
      response.addTrailers({ 'X-Sum': '7' })
      response.end('cd')
    })
    const { ask } = connectionsTo(url)
    const got = await ask({ path: '/a?b', method: 'DELETE' })
    expect(got.log).toEqual(['connect', '201 Gr\u00fc\u00dfe', 'data', 'complete'])
    expect(got.headers.slice(0, 2)).toEqual(['X-Path', 'DELETE /a?b'])
    expect(got.body).toBe('abcd')
    expect(got.trailers).toEqual(['X-Sum', '7'])
  })

  it('comes with informational ones before it', async () => {
    const { url } = await rawEndpoint((socket) => {
      socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n${OK}`)
    })
    const got = await connectionsTo(url).ask()
    expect(got.log).toEqual(['connect', '103 Early Hints', '200 OK', 'data', 'complete'])
  })

  it('comes with a thousand of those at most', async () => {
    const early = 'HTTP/1.1 102 Processing\r\n\r\n'
    const { url } = await rawEndpoint((socket, count) => void socket.write(early.repeat(999 + count) + OK))
    const { ask } = connectionsTo(url, { pipelining: 0 })
    expect((await ask()).log.at(-1)).toBe('complete')
    expect((await ask()).error).toMatchObject({ code: 'UND_ERR_SOCKET', message: /too many/ })
  })

  it.each([
    ['a status below 200 that is none', 'HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n', 'UND_ERR_SOCKET'],
    ['a coding that is not known', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n', 'UND_ERR_SOCKET'],
    [
      'an upgrade that nobody asked for',
      'HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      'UND_ERR_SOCKET',
    ],
    ['a 101 that upgrades nothing', 'HTTP/1.1 101 S\r\n\r\n', 'UND_ERR_SOCKET'],
    ['garbage', 'garbage\r\n\r\n', 'HPE_INVALID_CONSTANT'],
  ])('is none: %s', async (_name, answer, code) => {
    const { url } = await rawEndpoint((socket) => void socket.write(answer))
    const { ask, connections, counts } = connectionsTo(url)
    const got = await ask()
    expect(got.log).toEqual(['connect', 'error'])
    expect(got.error?.code).toBe(code)
    // Such a connection is not used again.
    await until(() => counts().open === 0)
    expect(connections.stats).toEqual({ [url]: { running: 0 } })
  })

  it('may be chunked, in whatever case that is said', async () => {
    const { url } = await rawEndpoint((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding:  Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n')
    })
    expect((await connectionsTo(url).ask()).body).toBe('ok')
  })

  it('breaks off where the connection does', async () => {
    const { url } = await rawEndpoint((socket) => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok')
    })
    const got = await connectionsTo(url).ask()
    expect(got.log).toEqual(['connect', '200 OK', 'data', 'error'])
    expect(got.error?.code).toBe('UND_ERR_SOCKET')
  })

  it('breaks off, as undici says it, where the connection is reset', async () => {
    const { url, sockets } = await rawEndpoint((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok')
    })
    const got = connectionsTo(url).send()
    await until(() => got.body === 'ok')
    sockets[0].resetAndDestroy()
    await until(() => got.isOver)
    expect(got.error?.code).toBe('UND_ERR_SOCKET')
  })

  it('that has come whole is handed on, though the connection is lost before it is taken', async () => {
    const { url, sockets } = await rawEndpoint((socket) => void socket.write(OK))
    const recorder = new Recorder()
    recorder.goOn = false
    const { send, counts } = connectionsTo(url)
    send({}, recorder)
    await until(() => recorder.log.length === 2)
    sockets[0].resetAndDestroy()
    await until(() => counts().open === 0)
    recorder.goOn = true
    recorder.resume()
    await until(() => recorder.isOver)
    expect([recorder.body, recorder.log.at(-1)]).toEqual(['ok', 'complete'])
  })

  it('is whole where the end of the connection is its end', async () => {
    const { url } = await rawEndpoint((socket) => void socket.end('HTTP/1.1 200 OK\r\n\r\nall'))
    const got = await connectionsTo(url).ask()
    expect([got.body, got.log.at(-1)]).toEqual(['all', 'complete'])
  })

  it('is as long as is allowed, to the byte', async () => {
    const { url } = await httpEndpoint((request, response) => response.end((request.url as string).slice(1)))
    const { ask } = connectionsTo(url, { maxResponseSize: 4 })
    expect((await ask({ path: '/1234' })).body).toBe('1234')
    expect((await ask({ path: '/12345' })).error?.code).toBe('UND_ERR_RES_EXCEEDED_MAX_SIZE')
    expect((await connectionsTo(url, { maxResponseSize: 0 }).ask({ path: '/' })).log.at(-1)).toBe('complete')
    const none = await connectionsTo(url, { maxResponseSize: 0 }).ask({ path: '/1' })
    expect(none.error?.code).toBe('UND_ERR_RES_EXCEEDED_MAX_SIZE')
  })

  it('is held back while the handler takes no more, and goes on when it does', async () => {
    let more = (): void => {}
    const { url } = await httpEndpoint((_request, response) => {
      response.write('one')
      more = () => void response.end('two')
    })
    const recorder = new Recorder()
    recorder.goOn = false
    const { send } = connectionsTo(url)
    send({}, recorder)
    await until(() => recorder.log.length === 2)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(recorder.body).toBe('')
    recorder.resume()
    await until(() => recorder.body === 'one')
    // The handler has said again that it takes no more.
    more()
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(recorder.log.at(-1)).toBe('data')
    recorder.goOn = true
    recorder.resume()
    await until(() => recorder.isOver)
    expect(recorder.body).toBe('onetwo')
  })
})

describe('a request to an endpoint', () => {
  it('that Node does not send is an argument that is wrong', async () => {
    const { url } = await httpEndpoint((_request, response) => response.end())
    const { ask, connections } = connectionsTo(url)
    const got = await ask({ path: '/ a' })
    expect(got.log).toEqual(['error'])
    expect(got.error).toBeInstanceOf(errors.InvalidArgumentError)
    expect(got.error?.cause).toMatchObject({ code: 'ERR_UNESCAPED_CHARACTERS' })
    expect(connections.stats).toEqual({ [url]: { running: 0 } })
  })

  it('carries more than a thousand fields, and brings as many back', async () => {
    const many = Array.from({ length: 1_200 }, (_, i) => [`x-${i}`, 'y']).flat()
    const { url, server } = await httpEndpoint((request, response) => {
      response.writeHead(200, [...many, 'x-count', String(request.rawHeaders.length / 2)]).end()
    })
    server.maxHeadersCount = 0
    const { ask } = connectionsTo(url, { maxHeaderSize: 65_536 })
    const got = await ask({ headers: ['host', 'x', ...many.slice(0, 1_000)] })
    expect(got.headers.length).toBeGreaterThan(2_400)
  })

  it.each(['connect', '200', 'data'])('ends with what the handler throws at: %s', async (where) => {
    const { url, sockets } = await httpEndpoint((_request, response) => response.end('body'))
    const got = await connectionsTo(url).ask({}, new Recorder(where))
    expect(got.error?.message).toContain('thrown at')
    expect(got.log.filter((what) => what === 'error')).toHaveLength(1)
    await until(() => sockets.size === 0)
  })

  it('hands nothing on after that, though more has come already', async () => {
    const early = 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'
    const { url } = await rawEndpoint((socket) => void socket.write(early + early + OK))
    const got = await connectionsTo(url).ask({}, new Recorder('103'))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(got.log).toEqual(['connect', '103 Early Hints', 'error'])
  })

  it('tells the handler what it throws at the end', async () => {
    const { url } = await httpEndpoint((_request, response) => response.end('body'))
    const got = await connectionsTo(url).ask({}, new Recorder('complete'))
    expect(got.log.slice(-2)).toEqual(['complete', 'error'])
  })

  it('is aborted with the reason that is given, or with one of its own', async () => {
    const { url, sockets } = await httpEndpoint(() => {})
    const { send, connections } = connectionsTo(url)
    const [given, own] = [send(), send()]
    await until(() => given.log.length + own.log.length === 2 && sockets.size === 2)
    const reason = new Error('enough')
    given.abort(reason)
    expect(given.error).toBe(reason)
    own.abort()
    expect(own.error?.code).toBe('UND_ERR_ABORTED')
    // Once is enough.
    own.abort(reason)
    expect(own.log).toEqual(['connect', 'error'])
    expect(connections.stats).toEqual({ [url]: { running: 0 } })
    await until(() => sockets.size === 0)
  })

  it('whose connection is lost before the answer fails as undici says it', async () => {
    const { url } = await rawEndpoint((socket) => void socket.destroy())
    const got = await connectionsTo(url).ask()
    expect(got.error?.code).toBe('UND_ERR_SOCKET')
  })

  it('that no connection comes about for fails with the reason', async () => {
    const { url, server } = await httpEndpoint(() => {})
    await new Promise((resolve) => server.close(resolve))
    const got = await connectionsTo(url).ask()
    expect(got.log).toEqual(['error'])
    expect(got.error?.code).toBe('ECONNREFUSED')
  })
})

describe('a body for an endpoint', () => {
  const upload = () => {
    const stream = Object.assign(new PassThrough(), { complete: false })
    return { stream, body: new RequestBody(stream as unknown as IncomingMessage, () => {}) }
  }

  it('is sent as it comes', async () => {
    const { url } = await httpEndpoint((request, response) => request.pipe(response))
    const { stream, body } = upload()
    const got = connectionsTo(url).send({ method: 'POST', body })
    stream.write('one ')
    await until(() => got.body === 'one ')
    stream.end('two')
    await until(() => got.isOver)
    expect(got.body).toBe('one two')
  })

  it('that breaks off ends the request, for that reason', async () => {
    const { url, sockets } = await httpEndpoint((request) => void request.resume())
    const { stream, body } = upload()
    const got = connectionsTo(url).send({ method: 'POST', body })
    stream.write('one')
    await until(() => sockets.size === 1)
    const reason = new Error('gone')
    stream.destroy(reason)
    await until(() => got.isOver)
    expect(got.error).toBe(reason)
    await until(() => sockets.size === 0)
  })

  it('that the endpoint answers before its end is read to it, on a connection that is not used again', async () => {
    const { url, sockets } = await httpEndpoint((_request, response) => response.end('early'))
    const { stream, body } = upload()
    const { ask, counts } = connectionsTo(url)
    stream.write('one')
    const got = await ask({ method: 'POST', body })
    expect([got.body, got.log.at(-1)]).toEqual(['early', 'complete'])
    expect(body.awaited).toBeUndefined()
    stream.end('two')
    await until(() => stream.readableEnded && sockets.size === 0)
    expect(counts().open).toBe(0)
  })
})

describe('time-outs of endpoints', () => {
  it('end a request that no answer comes to', async () => {
    const { url, sockets } = await httpEndpoint(() => {})
    const got = await connectionsTo(url, { headersTimeout: 40 }).ask()
    expect(got.log).toEqual(['connect', 'error'])
    expect(got.error?.code).toBe('UND_ERR_HEADERS_TIMEOUT')
    await until(() => sockets.size === 0)
  })

  it('end an answer that does not go on', async () => {
    const { url } = await httpEndpoint((_request, response) => void response.write('one'))
    const got = await connectionsTo(url, { bodyTimeout: 40 }).ask()
    expect(got.log).toEqual(['connect', '200 OK', 'data', 'error'])
    expect(got.error?.code).toBe('UND_ERR_BODY_TIMEOUT')
  })

  it('do not count while the client sends nothing, or takes nothing', async () => {
    const { url } = await httpEndpoint((request, response) => request.pipe(response))
    const stream = Object.assign(new PassThrough(), { complete: false })
    const body = new RequestBody(stream as unknown as IncomingMessage, () => {})
    const recorder = new Recorder()
    recorder.goOn = false
    connectionsTo(url, { headersTimeout: 40, bodyTimeout: 40 }).send({ method: 'POST', body }, recorder)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(recorder.log).toEqual(['connect'])
    stream.complete = true
    stream.end('one')
    await until(() => recorder.log.length === 2)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(recorder.log).toEqual(['connect', '200 OK'])
    recorder.goOn = true
    recorder.resume()
    await until(() => recorder.isOver)
    expect(recorder.body).toBe('one')
  })

  it('do not count where there are none', async () => {
    const { url } = await httpEndpoint((_request, response) => {
      setTimeout(() => response.write('a'), 60)
      setTimeout(() => response.end('b'), 120)
    })
    const got = await connectionsTo(url, { headersTimeout: 0, bodyTimeout: 0, connectTimeout: 20 }).ask()
    expect(got.body).toBe('ab')
  })

  it('end what waits for a connection', async () => {
    // Takes connections, and never says a word of TLS.
    const { url } = await rawEndpoint(() => {})
    const got = await connectionsTo(url.replace('http:', 'https:'), { connectTimeout: 40 }).ask()
    expect(got.log).toEqual(['error'])
    expect(got.error).toMatchObject({
      code: 'UND_ERR_CONNECT_TIMEOUT',
      message: 'no connection within 40 ms',
    })
  })
})

describe('connections to an endpoint', () => {
  it('are used again, and counted', async () => {
    const held: (() => void)[] = []
    const { url, sockets } = await httpEndpoint((_request, response) => held.push(() => response.end('ok')))
    const { send, counts, connections } = connectionsTo(url, { connections: 2 })
    expect(counts()).toEqual({ open: 0, idle: 0, connecting: 0, waiting: 0 })
    const all = [send(), send(), send()]
    expect(counts()).toMatchObject({ open: 0, connecting: 2, waiting: 1 })
    await until(() => held.length === 2)
    expect(counts()).toEqual({ open: 2, idle: 0, connecting: 0, waiting: 1 })
    expect(connections.stats).toEqual({ [url]: { running: 3 } })
    // More than there are connections.
    expect(connections.isLimited).toBe(true)
    expect(connections.isQueued(endpointAt(url))).toBe(true)
    held.shift()?.()
    await until(() => held.length === 2)
    expect(connections.isQueued(endpointAt(url))).toBe(false)
    for (const answer of held) answer()
    await until(() => all.every((one) => one.isOver))
    await until(() => counts().idle === 2)
    expect(counts()).toEqual({ open: 2, idle: 2, connecting: 0, waiting: 0 })
    expect(sockets.size).toBe(2)
  })

  it('without a limit are never waited for', async () => {
    const { url } = await httpEndpoint(() => {})
    const { send, connections, counts } = connectionsTo(url)
    for (let i = 0; i < 12; i++) send()
    expect(connections.isLimited).toBe(false)
    expect(connections.isQueued(endpointAt(url))).toBe(false)
    expect(connections.isQueued(endpointAt('http://127.0.0.1:1'))).toBe(false)
    await until(() => counts().open === 12)
    expect(counts().waiting).toBe(0)
  })

  it('are given as a dispatcher of our own, the same for each request', async () => {
    const { url } = await httpEndpoint(() => {})
    const { connections } = connectionsTo(url)
    const way = connections.to(endpointAt(url))
    expect(way).toMatchObject({ pool: undefined, isOurs: true })
    expect(connections.to(endpointAt(url)).dispatcher).toBe(way.dispatcher)
  })

  it("that an endpoint closes while they are idle are no fault of the endpoint's", async () => {
    const { url, sockets } = await rawEndpoint((socket, count) => {
      if (count === 1) socket.write(OK)
      else socket.destroy()
    })
    const { ask } = connectionsTo(url)
    expect((await ask()).body).toBe('ok')
    const got = await ask()
    expect(sockets).toHaveLength(1)
    expect(got.error?.code).toBe('UND_ERR_SOCKET')
    expect(isMarkedIdleClose(got.error)).toBe(true)
    // The first request on a connection is one that the endpoint has taken.
    const fresh = await ask()
    expect(sockets).toHaveLength(2)
    expect(isMarkedIdleClose(fresh.error)).toBe(false)
  })

  it('that are lost after something came are no idle ones', async () => {
    const { url } = await rawEndpoint((socket, count) => {
      if (count === 1) socket.write(OK)
      else if (count === 2) socket.write(`HTTP/1.1 103 Early Hints\r\n\r\n`, () => socket.destroy())
    })
    const { ask } = connectionsTo(url)
    await ask()
    const got = await ask()
    expect(got.log.at(-1)).toBe('error')
    expect(isMarkedIdleClose(got.error)).toBe(false)
  })

  it('end with the requests on them when the endpoint leaves', async () => {
    let answer = (): void => {}
    const { url, sockets } = await httpEndpoint((_request, response) => {
      answer = () => void response.end('last')
    })
    const { send, connections } = connectionsTo(url)
    const got = send()
    await until(() => sockets.size === 1)
    connections.forget(url)
    connections.forget('http://127.0.0.1:1')
    expect(connections.stats).toEqual({})
    expect(connections.counts(url)).toEqual({ open: 0, idle: 0, connecting: 0, waiting: 0 })
    answer()
    await until(() => got.isOver)
    expect(got.body).toBe('last')
    await until(() => sockets.size === 0)
  })

  it('are others once the options have changed, and stay where they have not', async () => {
    const { url, sockets } = await httpEndpoint((_request, response) => response.end('ok'))
    const { ask, connections } = connectionsTo(url, { bodyTimeout: 1_000 })
    await ask()
    connections.configure({ bodyTimeout: 1_000 } as ResolvedClient)
    await ask()
    expect(sockets.size).toBe(1)
    const { dispatcher } = connections.to(endpointAt(url))
    connections.configure({ bodyTimeout: 2_000 } as ResolvedClient)
    const next = connections.to(endpointAt(url)).dispatcher
    expect(next).not.toBe(dispatcher)
    await until(() => sockets.size === 0)
    connections.configure({ bodyTimeout: 2_000 } as ResolvedClient)
    expect(connections.to(endpointAt(url)).dispatcher).toBe(next)
  })
})

describe('the end of a service', () => {
  it('waits for its requests in flight', async () => {
    let answer = (): void => {}
    const { url, sockets } = await httpEndpoint((_request, response) => {
      answer = () => void response.end('last')
    })
    const { send, connections } = connectionsTo(url)
    const got = send()
    await until(() => sockets.size === 1)
    let closed = false
    const closing = connections.close().then(() => {
      closed = true
    })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(closed).toBe(false)
    answer()
    await closing
    expect(got.isOver).toBe(true)
    await until(() => sockets.size === 0)
    // There is nothing left to wait for.
    await connections.close()
  })

  it('waits for those of endpoints that have left', async () => {
    const { url, sockets } = await httpEndpoint(() => {})
    const { send, connections } = connectionsTo(url)
    const got = send()
    await until(() => sockets.size === 1)
    connections.forget(url)
    let closed = false
    void connections.close().then(() => {
      closed = true
    })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(closed).toBe(false)
    await connections.destroy()
    expect(got.error).toBeInstanceOf(errors.ClientDestroyedError)
    await until(() => closed && sockets.size === 0)
  })

  it('at once cuts them off, and idle connections too', async () => {
    const { url, sockets } = await httpEndpoint((request, response) => {
      if (request.url === '/') response.end('ok')
    })
    const { send, ask, connections } = connectionsTo(url)
    await Promise.all([ask(), ask()])
    const got = send({ path: '/slow' })
    await until(() => got.log.length === 1)
    expect(sockets.size).toBe(2)
    await connections.destroy()
    expect(got.error?.code).toBe('UND_ERR_DESTROYED')
    await until(() => sockets.size === 0)
    expect(connections.stats).toEqual({})
  })
})

describe('an upgrade', () => {
  const upgrading = () =>
    rawEndpoint((socket, count) => {
      if (count === 1) socket.write('HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nhello')
      else socket.write('more')
    })

  it('hands the connection over, with what has come after the head', async () => {
    const { url, sockets } = await upgrading()
    const { ask, connections } = connectionsTo(url)
    const got = await ask({ upgrade: 'x' })
    expect(got.log).toEqual(['connect', '101', 'upgrade'])
    expect(got.headers).toEqual(['connection', 'upgrade', 'upgrade', 'x'])
    const socket = got.socket as Duplex
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    await until(() => text === 'hello')
    socket.write('x')
    await until(() => text === 'hellomore')
    // No request any more, and no connection of a pool.
    expect(connections.stats).toEqual({ [url]: { running: 0 } })
    expect(connections.counts(url).open).toBe(0)
    connections.hold(socket)
    let closed = false
    const closing = connections.close().then(() => {
      closed = true
    })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(closed).toBe(false)
    await connections.destroy()
    await closing
    expect(socket.destroyed).toBe(true)
    await until(() => sockets.every((one) => one.destroyed || one.readableEnded))
  })

  it('that has ended is waited for no more', async () => {
    const { url } = await upgrading()
    const { ask, connections } = connectionsTo(url)
    const socket = (await ask({ upgrade: 'x' })).socket as Duplex
    connections.hold(socket)
    socket.destroy()
    await until(() => socket.closed)
    await connections.close()
    await connections.destroy()
  })

  it('ends the connection where the handler throws', async () => {
    const { url } = await upgrading()
    const got = await connectionsTo(url).ask({ upgrade: 'x' }, new Recorder('upgrade'))
    await until(() => got.log.at(-1) === 'error')
    expect(got.error?.message).toBe('thrown at upgrade')
    expect(got.socket?.destroyed).toBe(true)
  })

  it('that the endpoint refuses is an answer like any other', async () => {
    const { url } = await rawEndpoint((socket) => void socket.write(OK))
    expect((await connectionsTo(url).ask({ upgrade: 'x' })).log).toEqual([
      'connect',
      '200 OK',
      'data',
      'complete',
    ])
  })
})

it('services that may speak HTTP/2 go over undici', () => {
  expect(openConnections('users', { allowH2: true } as ResolvedClient)).toBeInstanceOf(Transports)
  expect(openConnections('users', { allowH2: false } as ResolvedClient)).toBeInstanceOf(EndpointConnections)
  expect(openConnections('users', {} as ResolvedClient)).toBeInstanceOf(EndpointConnections)
})
