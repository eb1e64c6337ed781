import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createSecureServer, type Http2ServerResponse } from 'node:http2'
import { createServer, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createHttpCheck } from '../../lib/health/active/http-check.js'
import type { ClientConfig } from '../../lib/model/index.js'
import { endpointAt, noAbort, type Served, serve, tlsFixture } from '../support/health-servers.js'

/** Longer than anything that answers on this machine takes. */
const AMPLE_MS = 10_000
/** Short enough to be waited out, long enough for the first bytes of an answer. */
const BRIEF_MS = 700
const NO_ANSWER = { ok: false, detail: 'no answer within 700 ms' }
const NO_CONNECTION = { ok: false, detail: 'no connection within 700 ms' }
const { ca } = tlsFixture

function checkOf(client: ClientConfig = {}) {
  const made = createHttpCheck({ path: '/healthz' }, client)
  onTestFinished(() => made.close())
  return made
}

/** A server of raw bytes: `behave` gets each socket when the request has begun to arrive. */
const rawServer = (behave: (socket: Socket) => void): Promise<Served> =>
  serve(createServer((socket) => void socket.once('data', () => behave(socket))))

async function verdictOf(server: Served, client: ClientConfig = {}, scheme = 'http', timeoutMs = AMPLE_MS) {
  const { check } = checkOf(client)
  const { ok, detail } = await check(endpointAt(`${scheme}://localhost:${server.port}`), timeoutMs, noAbort())
  return { ok, detail }
}

/** Writes `chunk` whenever the peer has taken the last one, for as long as the socket lives. */
function pour(socket: Socket, chunk: string): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk)) {}
  }
  socket.on('drain', more)
  more()
}

/** Writes `chunk` each 10 ms, for as long as the socket lives. */
function drip(socket: Socket, chunk: string): void {
  const timer = setInterval(() => socket.write(chunk), 10)
  socket.on('close', () => clearInterval(timer))
}

describe('servers that do not answer', () => {
  it('refuse', async () => {
    const server = await rawServer(() => {})
    await server.stop()
    expect(await verdictOf(server)).toEqual({ ok: false, detail: 'connection refused (ECONNREFUSED)' })
  })

  it('are half open: they accept and say nothing', async () => {
    const server = await rawServer(() => {})
    expect(await verdictOf(server, {}, 'http', BRIEF_MS)).toEqual(NO_ANSWER)
    await server.allClosed()
  })

  it('accept and close', async () => {
    const server = await serve(createServer((socket) => void socket.resume().end()))
    const { ok, detail } = await verdictOf(server)
    expect(ok).toBe(false)
    expect(detail).toMatch(
      /^connection (closed before the answer was complete|reset|closed) \((UND_ERR_SOCKET|ECONNRESET|EPIPE)\)$/,
    )
    await server.allClosed()
  })

  it('reset the connection', async () => {
    const server = await rawServer((socket) => socket.resetAndDestroy())
    expect(await verdictOf(server)).toEqual({ ok: false, detail: 'connection reset (ECONNRESET)' })
    await server.allClosed()
    expect(server.accepted()).toBe(1)
  })

  it('speak something else', async () => {
    const server = await rawServer((socket) => void socket.write('SSH-2.0-OpenSSH_9.2\r\n'))
    const { ok, detail } = await verdictOf(server)
    expect(ok).toBe(false)
    expect(detail).toMatch(/^the answer is not HTTP: /)
    await server.allClosed()
  })

  it('never finish a connection', async () => {
    const { check } = checkOf({ connect: { lookup: () => {} } })
    const result = await check(endpointAt('http://localhost:80'), BRIEF_MS, noAbort())
    expect(result).toMatchObject(NO_CONNECTION)
  })

  it('never finish the TLS handshake', async () => {
    const server = await rawServer(() => {})
    expect(await verdictOf(server, { connect: { ca } }, 'https', BRIEF_MS)).toEqual(NO_CONNECTION)
    await server.allClosed()
  })

  it('speak HTTP where HTTPS is expected', async () => {
    const server = await serve(createHttpServer((_request, response) => void response.end()))
    const { ok, detail } = await verdictOf(server, { connect: { ca } }, 'https')
    expect(ok).toBe(false)
    expect(detail).toMatch(/\((ERR_SSL_\w+|EPROTO|ECONNRESET)\)$/)
    await server.allClosed()
  })

  it('finish the TLS handshake and say nothing', async () => {
    const server = await serve(createTlsServer(tlsFixture.server, (socket) => void socket.resume()))
    expect(await verdictOf(server, { connect: { ca } }, 'https', BRIEF_MS)).toEqual(NO_ANSWER)
    await server.allClosed()
  })
})

describe('servers that never stop', () => {
  it('send headers as fast as they can', async () => {
    const server = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      pour(socket, 'x-filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(100))
    })
    expect(await verdictOf(server)).toEqual({
      ok: false,
      detail: expect.stringMatching(/headers of the answer are too large|HPE_HEADER_OVERFLOW/),
    })
    await server.allClosed()
  })

  it('send headers slowly', async () => {
    const server = await rawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n')
      drip(socket, 'x: y\r\n')
    })
    expect(await verdictOf(server, {}, 'http', BRIEF_MS)).toEqual(NO_ANSWER)
    await server.allClosed()
  })

  it('send announcements, which are no answer', async () => {
    const server = await rawServer((socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'))
    const made = createHttpCheck({ expect: [[100, 299]] })
    onTestFinished(() => made.close())
    const result = await made.check(endpointAt(`http://127.0.0.1:${server.port}`), BRIEF_MS, noAbort())
    expect(result).toMatchObject(NO_ANSWER)
    await server.allClosed()
  })

  it.each([
    [200, { ok: true, detail: 'answered 200' }],
    [503, { ok: false, detail: 'answered 503, expected 200-299' }],
  ])('send a body as fast as they can: the status %i counts', async (status, verdict) => {
    const server = await rawServer((socket) => {
      socket.write(`HTTP/1.1 ${status} Status\r\ntransfer-encoding: chunked\r\n\r\n`)
      pour(socket, `4000\r\n${'x'.repeat(0x4000)}\r\n`)
    })
    // 64 KiB end it: this time-out is longer than the test may take.
    const { check } = checkOf()
    const result = await check(endpointAt(`http://127.0.0.1:${server.port}`), 600_000, noAbort())
    expect(result).toMatchObject(verdict)
    await server.allClosed()
  })

  it.each([
    [200, { ok: true, detail: 'answered 200' }],
    [503, { ok: false, detail: 'answered 503, expected 200-299' }],
  ])('send a body slowly: the status %i counts', async (status, verdict) => {
    const server = await rawServer((socket) => {
      socket.write(`HTTP/1.1 ${status} Status\r\ntransfer-encoding: chunked\r\n\r\n`)
      drip(socket, '1\r\nx\r\n')
    })
    expect(await verdictOf(server, {}, 'http', BRIEF_MS)).toEqual(verdict)
    await server.allClosed()
  })
})

describe('servers that break off', () => {
  it('in the body', async () => {
    const server = await rawServer(
      (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf'),
    )
    const { ok, detail } = await verdictOf(server)
    expect(ok).toBe(false)
    expect(detail).toMatch(/\(UND_ERR_(SOCKET|RES_CONTENT_LENGTH_MISMATCH)\)$/)
    await server.allClosed()
  })

  it('in the headers', async () => {
    const server = await rawServer((socket) => void socket.end('HTTP/1.1 200 OK\r\nx-half: '))
    expect((await verdictOf(server)).ok).toBe(false)
    await server.allClosed()
  })

  it('a connection that lay idle: a fresh one tells', async () => {
    let requests = 0
    const listener: RequestListener = (request, response) => {
      requests++
      // As a server does whose idle time-out ends while the next request is on its way.
      if (request.socket.listenerCount('reused') > 0) request.socket.resetAndDestroy()
      else response.end()
      request.socket.on('reused', () => {})
    }
    const server = await serve(createHttpServer(listener))
    const { check } = checkOf()
    const endpoint = endpointAt(`http://127.0.0.1:${server.port}`)
    expect((await check(endpoint, AMPLE_MS, noAbort())).ok).toBe(true)
    expect((await check(endpoint, AMPLE_MS, noAbort())).ok).toBe(true)
    expect([requests, server.accepted()]).toEqual([3, 2])
  })

  it('a connection that lay idle, and are gone: that is a failure', async () => {
    const server = await serve(createHttpServer((_request, response) => void response.end()))
    const { check } = checkOf()
    const endpoint = endpointAt(`http://127.0.0.1:${server.port}`)
    expect((await check(endpoint, AMPLE_MS, noAbort())).ok).toBe(true)
    await server.stop()
    expect(await check(endpoint, AMPLE_MS, noAbort())).toMatchObject({
      ok: false,
      detail: 'connection refused (ECONNREFUSED)',
    })
  })

  it('recover: the check after a failing one passes, on a fresh connection', async () => {
    let broken = true
    const server = await serve(createHttpServer((_request, response) => void (broken || response.end())))
    const { check } = checkOf()
    const endpoint = endpointAt(`http://127.0.0.1:${server.port}`)
    expect((await check(endpoint, BRIEF_MS, noAbort())).detail).toBe(NO_ANSWER.detail)
    await server.allClosed()
    broken = false
    expect((await check(endpoint, AMPLE_MS, noAbort())).ok).toBe(true)
    expect(server.accepted()).toBe(2)
  })
})

describe('HTTP/2 servers', () => {
  const h2 = (behave: (response: Http2ServerResponse) => void): Promise<Served> =>
    serve(createSecureServer(tlsFixture.server, (_request, response) => behave(response)))
  const client: ClientConfig = { allowH2: true, connect: { ca } }

  it('that do not answer a stream', async () => {
    const server = await h2(() => {})
    expect(await verdictOf(server, client, 'https', BRIEF_MS)).toEqual(NO_ANSWER)
    await server.allClosed()
  })

  it('that reset the stream', async () => {
    const server = await h2((response) => response.stream.close(2))
    expect((await verdictOf(server, client, 'https')).ok).toBe(false)
    await server.allClosed()
  })

  it('that drop the session', async () => {
    const server = await h2((response) => response.stream.session?.destroy())
    expect((await verdictOf(server, client, 'https')).ok).toBe(false)
    await server.allClosed()
  })

  it('that send a body for ever: the status counts', async () => {
    const server = await h2((response) => {
      response.writeHead(200)
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(16_384))) {}
      }
      response.on('drain', more)
      more()
    })
    expect(await verdictOf(server, client, 'https')).toEqual({ ok: true, detail: 'answered 200' })
    await server.allClosed()
  })
})

describe('a check that is given up', () => {
  it('closes its connection when its signal is aborted', async () => {
    const { check } = checkOf()
    const controller = new AbortController()
    const server = await rawServer(() => controller.abort())
    const result = await check(endpointAt(`http://127.0.0.1:${server.port}`), 5000, controller.signal)
    expect(result).toMatchObject({ ok: false, detail: 'the check was cancelled' })
    await server.allClosed()
    expect(
      await check(endpointAt(`http://127.0.0.1:${server.port}`), 5000, AbortSignal.abort()),
    ).toMatchObject({ ok: false, detail: 'the check was cancelled' })
    expect(server.accepted()).toBe(1)
  })

  it.each(['http', 'https'])('fails when everything is closed under it (%s)', async (scheme) => {
    const made = checkOf({ connect: { ca } })
    const server = await rawServer(() => void made.close())
    const result = await made.check(endpointAt(`${scheme}://localhost:${server.port}`), 5000, noAbort())
    expect(result.ok).toBe(false)
    await server.allClosed()
  })

  it('says what is wrong with options that cannot be sent, instead of throwing', async () => {
    const server = await rawServer(() => {})
    const made = createHttpCheck({ headers: { 'bad name': 'x' } })
    onTestFinished(() => made.close())
    const result = await made.check(endpointAt(`http://127.0.0.1:${server.port}`), AMPLE_MS, noAbort())
    expect(result.ok).toBe(false)
    expect(result.detail).toContain('UND_ERR_INVALID_ARG')
  })
})
