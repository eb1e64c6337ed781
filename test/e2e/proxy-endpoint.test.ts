/** What endpoints send, right and wrong, and how the proxy speaks with them. */
import { readFileSync } from 'node:fs'
import { createServer as createHttps } from 'node:https'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, startEndpoint, startProxy } from './proxy-fixtures.js'

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** An endpoint that writes `answer` for each request, byte for byte; `connections` counts. */
async function rawEndpoint(answer: (socket: Socket, count: number) => void) {
  const seen = { connections: 0, requests: 0 }
  const server = createServer((socket) => {
    seen.connections++
    socket.on('error', () => {})
    socket.on('data', () => answer(socket, ++seen.requests))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

const alone = (url: string, rest: object = {}) => ({
  services: { app: { endpoints: [url], retry: false, outlier: false, ...rest } },
})

describe('fairlead proxy, answers that are wrong', () => {
  it.each([
    ['an unasked 101', 'HTTP/1.1 101 S\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nxx'],
    ['a 101 without an upgrade', `HTTP/1.1 101 S\r\n\r\n${OK}`],
    ['1xx without end', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(5000)],
    ['garbage', '\x00\x01garbage'],
    ['a status that is none', 'HTTP/1.1 050 Odd\r\ncontent-length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok'],
    [
      'length and coding',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['folded fields', 'HTTP/1.1 200 OK\r\nx: a\r\n b\r\ncontent-length: 0\r\n\r\n'],
    ['fields too long', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(30_000)}\r\n\r\n`],
  ])('become 502: %s', async (_name, answer) => {
    const { url } = await rawEndpoint((socket) => void socket.write(answer, 'latin1'))
    const proxy = await startProxy(alone(url))
    expect((await ask(proxy.port, '/')).status).toBe(502)
    expect(proxy.child.exitCode).toBeNull()
  })

  it('never give one client what follows the answer to another', async () => {
    const poison = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison'
    let poisoned = Promise.resolve()
    const { url } = await rawEndpoint((socket, count) => {
      // At once, or when the connection is idle.
      socket.write(count % 2 === 0 ? OK + poison : OK)
      if (count % 2 === 0) return
      poisoned = new Promise((resolve) => {
        setTimeout(() => socket.write(poison, () => resolve()), 20)
      })
    })
    const { port } = await startProxy(alone(url))
    for (let i = 0; i < 8; i++) {
      expect((await ask(port, '/')).body).toBe('ok')
      // What comes once the next request was sent is its answer, as far as anybody can tell.
      await poisoned
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })
})

describe('fairlead proxy, answers that are right', () => {
  it('hands every 1xx on but 100, links in whatever number', async () => {
    const { url } = await rawEndpoint((socket) => {
      socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n')
      socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </a>; rel=preload, </b>\r\nlink: </c>\r\n\r\n${OK}`)
    })
    const { port } = await startProxy(alone(url))
    const { connect } = await import('node:net')
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    let text = ''
    for await (const chunk of socket.setEncoding('latin1')) text += chunk
    expect(text).toMatch(
      /^HTTP\/1.1 102 Processing\r\n\r\nHTTP\/1.1 103 Early Hints\r\nlink: <\/a>; rel=preload, <\/b>\r\nlink: <\/c>\r\n\r\nHTTP\/1.1 200 /,
    )
    expect(text).toMatch(/ok$/)
  })

  it.each([
    ['304', 'HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n', 'GET'],
    ['204 with a length', 'HTTP/1.1 204 No Content\r\ncontent-length: 9\r\n\r\n', 'GET'],
    ['HEAD', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n', 'HEAD'],
  ])('are complete without a body: %s', async (_name, answer, method) => {
    const { url, seen } = await rawEndpoint((socket) => void socket.write(answer))
    const { port } = await startProxy(alone(url))
    for (let i = 0; i < 3; i++) expect((await ask(port, '/', { method })).status).toBeGreaterThan(199)
    expect(seen).toEqual({ connections: 1, requests: 3 })
  })

  it('are handed on though more follows than belongs to them', async () => {
    const { url } = await rawEndpoint((socket) => {
      socket.write('HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\nsome body')
    })
    const { port } = await startProxy(alone(url))
    for (let i = 0; i < 3; i++) expect((await ask(port, '/')).status).toBe(304)
  })

  it('come over connections that are kept, and reopened where the endpoint has closed them', async () => {
    const { url, seen } = await rawEndpoint((socket, count) => {
      socket.write(OK)
      if (count === 3) socket.end()
    })
    const { port } = await startProxy(alone(url))
    for (let i = 0; i < 6; i++) {
      expect((await ask(port, '/')).status).toBe(200)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(seen).toEqual({ connections: 2, requests: 6 })
  })
})

describe('fairlead proxy, client options', () => {
  it('keeps to its time-outs', async () => {
    const endpoint = await startEndpoint((request, response) => {
      if (request.url === '/body') response.write('the beginning')
    })
    const client = { headersTimeout: 100, bodyTimeout: 100 }
    const { port } = await startProxy(alone(endpoint.url, { client }))
    const silent = await ask(port, '/')
    expect({ status: silent.status, code: JSON.parse(silent.body).code }).toEqual({
      status: 504,
      code: 'UND_ERR_HEADERS_TIMEOUT',
    })
    await expect(ask(port, '/body')).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('keeps to the number of connections', async () => {
    const { url, seen } = await rawEndpoint((socket) => void setTimeout(() => socket.write(OK), 20))
    const { port } = await startProxy(alone(url, { client: { connections: 2 } }))
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(port, '/')))
    expect(answers.every(({ body }) => body === 'ok')).toBe(true)
    expect(seen).toEqual({ connections: 2, requests: 10 })
  })

  it('replaces connections that are older than maxConnectionAgeMs', async () => {
    const { url, seen } = await rawEndpoint((socket) => void socket.write(OK))
    const { port } = await startProxy(alone(url, { client: { maxConnectionAgeMs: 200 } }))
    for (let i = 0; i < 6; i++) {
      expect((await ask(port, '/')).status).toBe(200)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    expect(seen.connections).toBeGreaterThan(1)
    expect(seen.connections).toBeLessThan(6)
  })

  it('speaks TLS with the name and the authority that are configured, and no other', async () => {
    const pem = (name: string) =>
      readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8')
    let name: string | false | null = ''
    const server = createHttps({ cert: pem('server'), key: pem('server-key') }, (request, response) => {
      name = (request.socket as unknown as { servername: string | false }).servername
      response.end('secret')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const askWith = async (client: object) => {
      const { port } = await startProxy(alone(url, { client }))
      return ask(port, '/', { headers: { host: 'evil.example' } })
    }
    expect((await askWith({})).status).toBe(502)
    expect(await askWith({ connect: { ca: pem('ca') } })).toMatchObject({ status: 200, body: 'secret' })
    // The client's Host field goes on, but is no name for TLS.
    const named = { connect: { ca: pem('ca'), servername: 'users.test' }, host: 'request' }
    expect((await askWith(named)).status).toBe(200)
    expect(name).toBe('users.test')
    expect((await askWith({ connect: { ca: pem('ca'), servername: 'other.test' } })).status).toBe(502)
  })
})
