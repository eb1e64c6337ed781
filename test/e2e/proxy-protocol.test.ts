/** Messages that only a raw connection can send: framing, old versions, upgrades that are none. */
import { type IncomingMessage, type RequestListener, request } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { serve } from '../support/health-servers.js'
import { ask, startEndpoint, startProxy, until } from './proxy-fixtures.js'

const configOf = (url: string, rest: object = {}) => ({
  services: { app: { endpoints: [url], retry: false, outlier: false } },
  ...rest,
})

interface Raw {
  readonly socket: Socket
  readonly text: () => string
  readonly closed: Promise<void>
}

function rawTo(port: number, message = ''): Raw {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', () => {})
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.write(message, 'latin1')
  return { socket, text: () => text, closed }
}

/** An endpoint that answers with `answer`, byte for byte, and closes. */
async function rawEndpoint(answer: string): Promise<string> {
  const { port } = await serve(
    createServer((socket) => {
      socket.once('data', () => socket.end(answer, 'latin1'))
    }),
  )
  return `http://127.0.0.1:${port}`
}

/** Answers with what came: method, target, the headers that are of interest, body. */
const telling =
  (seen: string[] = []): RequestListener =>
  (incoming: IncomingMessage, response) => {
    let body = ''
    incoming.setEncoding('utf8').on('data', (chunk: string) => {
      body += chunk
    })
    incoming.on('end', () => {
      const { upgrade, connection, 'http2-settings': settings } = incoming.headers
      seen.push(incoming.url ?? '')
      response.end(
        JSON.stringify({ method: incoming.method, url: incoming.url, body, upgrade, connection, settings }),
      )
    })
  }

describe('fairlead proxy, framing', () => {
  it.each([
    [
      'both lengths',
      'content-length: 5\r\ntransfer-encoding: chunked',
      '0\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n',
      400,
    ],
    ['two lengths', 'content-length: 5\r\ncontent-length: 6', 'hello!', 400],
    ['chunked not last', 'transfer-encoding: chunked, gzip', '0\r\n\r\n', 400],
    ['a coding it does not know', 'transfer-encoding: gzip, chunked', '0\r\n\r\n', 501],
  ])('refuses %s, and the endpoint sees nothing of it', async (_name, framing, body, status) => {
    const seen: string[] = []
    const endpoint = await startEndpoint(telling(seen))
    const { port } = await startProxy(configOf(endpoint.url))
    const { text, closed } = rawTo(port, `POST / HTTP/1.1\r\nhost: x\r\n${framing}\r\n\r\n${body}`)
    await closed
    expect(text()).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(text().match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
    expect(seen).toEqual([])
  })

  it('keeps an announcement of trailers from an answer that cannot have any', async () => {
    const head = 'HTTP/1.1 200 OK\r\ntrailer: x-sum\r\nconnection: close\r\n'
    const chunked = `${head}transfer-encoding: chunked\r\n\r\n`
    const withBody = await startProxy(
      configOf(await rawEndpoint(`${chunked}4\r\ntext\r\n0\r\nx-sum: 1\r\n\r\n`)),
    )
    expect(await ask(withBody.port, '/')).toMatchObject({
      status: 200,
      headers: { trailer: 'x-sum' },
      body: 'text',
      trailers: { 'x-sum': '1' },
    })
    const old = rawTo(withBody.port, 'GET / HTTP/1.0\r\n\r\n')
    await old.closed
    expect(old.text()).toMatch(/^HTTP\/1.1 200 /)
    expect(old.text()).toMatch(/\r\n\r\ntext$/)
    expect(old.text()).not.toMatch(/chunked|trailer/i)
    const withoutBody = await startProxy(configOf(await rawEndpoint(chunked)))
    expect((await ask(withoutBody.port, '/', { method: 'HEAD' })).status).toBe(200)
    const withLength = await startProxy(configOf(await rawEndpoint(`${head}content-length: 4\r\n\r\ntext`)))
    expect(await ask(withLength.port, '/')).toMatchObject({ status: 200, body: 'text' })
  })

  it.each([
    ['no Latin-1', Buffer.from('Trouvé ✓').toString('latin1'), Buffer.from('Trouvé ✓').toString('latin1')],
    ['no text', 'a\u0001b', 'OK'],
  ])('hands an answer on whose status text is %s', async (_name, text, expected) => {
    const url = await rawEndpoint(`HTTP/1.1 200 ${text}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok`)
    const { port } = await startProxy(configOf(url))
    const answer = rawTo(port, 'GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    await answer.closed
    expect(answer.text().split('\r\n', 1)[0]).toBe(`HTTP/1.1 200 ${expected}`)
    expect(answer.text()).toMatch(/\r\n\r\nok$/)
  })
})

describe('fairlead proxy, requests that are refused', () => {
  const get = (fields: string, target = '/') => `GET ${target} HTTP/1.1\r\n${fields}\r\n`
  it.each([
    ['two Host fields', get('host: a.example\r\nhost: b.example\r\n'), 400],
    ['the same Host field twice', get('host: a.example\r\nHost: a.example\r\n'), 400],
    ['a Host field that is none', get('host: a.example:80@evil"<b>/:1\r\n'), 400],
    ['no Host field', get(''), 400],
    ['a user in its target', get('host: a\r\n', 'http://user@a/'), 400],
    ['a fragment', get('host: a\r\n', '/open#/secret'), 400],
    ['a folded field', get('host: a\r\nx: 1\r\n 2\r\n'), 400],
    ['a bare LF', 'GET / HTTP/1.1\nhost: a\n\n', 400],
    ['a coding in HTTP/1.0', 'POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400],
    ['501 fields', get(`host: a\r\n${'x: y\r\n'.repeat(500)}`), 431],
    ['3,000 fields', get(`host: a\r\n${'x:\r\n'.repeat(3000)}`), 431],
    ['a field too long', get(`host: a\r\nx: ${'y'.repeat(20_000)}\r\n`), 431],
  ])('because of %s', async (_name, message, status) => {
    const seen: string[] = []
    const endpoint = await startEndpoint(telling(seen))
    const { port } = await startProxy(configOf(endpoint.url))
    const { text, closed } = rawTo(port, message)
    await closed
    expect(text()).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(seen).toEqual([])
  })

  it('but not because of 500 fields, of which none is lost', async () => {
    let fields = 0
    const endpoint = await startEndpoint((incoming, response) => {
      fields = incoming.rawHeaders.filter((name) => name === 'x').length
      response.end('ok')
    })
    const { port } = await startProxy(configOf(endpoint.url))
    const message = get(`host: a\r\nconnection: close\r\n${'x: y\r\n'.repeat(498)}`)
    const { closed } = rawTo(port, message)
    await closed
    expect(fields).toBe(498)
  })
})

describe('fairlead proxy, HTTP/1.0', () => {
  it('sends a client no announcement that it would take for the answer', async () => {
    const endpoint = await startEndpoint((_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' })
      response.end('text')
    })
    const { port } = await startProxy(configOf(endpoint.url))
    const old = rawTo(port, 'GET / HTTP/1.0\r\n\r\n')
    await old.closed
    expect(old.text()).toMatch(/^HTTP\/1.1 200 /)
  })
})

describe('fairlead proxy, targets', () => {
  it('takes the host of an absolute target for the host, whatever the Host header says', async () => {
    const [one, two] = await Promise.all([startEndpoint(telling()), startEndpoint(telling())])
    const { port } = await startProxy({
      services: { one: { endpoints: [one.url] }, two: { endpoints: [two.url] } },
      routes: [
        { host: 'one.example', service: 'one' },
        { host: 'two.example', path: '/open', service: 'two' },
      ],
    })
    const statusOf = async (target: string, host: string): Promise<string> => {
      const { text, closed } = rawTo(
        port,
        `GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
      )
      await closed
      return text().slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)
    }
    expect(await statusOf('http://two.example/open', 'one.example')).toBe('200')
    expect(await statusOf('http://two.example/secret', 'one.example')).toBe('404')
    expect(await statusOf('http://one.example:8080/x', 'two.example')).toBe('200')
  })
})

describe('fairlead proxy, an upgrade to HTTP/2', () => {
  it.each([
    ['GET', ''],
    ['POST', 'the body'],
  ])('is passed over, as RFC 9113 lets it be: no tunnel past the routes (%s)', async (method, body) => {
    const endpoint = await startEndpoint(telling())
    let tunnels = 0
    endpoint.server.on('upgrade', (_request, socket) => {
      tunnels++
      socket.destroy()
    })
    const { port } = await startProxy(configOf(endpoint.url))
    const length = body === '' ? '' : `content-length: ${body.length}\r\n`
    const { socket, text } = rawTo(
      port,
      `${method} /first HTTP/1.1\r\nhost: x\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n${length}\r\n${body.slice(0, 3)}`,
    )
    socket.write(body.slice(3))
    await until(() => text().includes('/first'))
    expect(text()).toMatch(/^HTTP\/1.1 200 /)
    expect(JSON.parse(text().slice(text().indexOf('{')))).toEqual({
      method,
      url: '/first',
      body,
      connection: 'keep-alive',
    })
    // The connection is as good as any other.
    socket.write('GET /second HTTP/1.1\r\nhost: x\r\n\r\n')
    await until(() => text().includes('/second'))
    expect(tunnels).toBe(0)
  })
})

describe('fairlead proxy, an early answer to a large upload', () => {
  it('reaches the client whole', async () => {
    const answer = 'too much '.repeat(20_000)
    const endpoint = await startEndpoint((incoming, response) => {
      incoming.resume()
      response.writeHead(413).end(answer)
    })
    const { port } = await startProxy(configOf(endpoint.url))
    for (let i = 0; i < 5; i++) {
      const body = await new Promise<string>((resolve, reject) => {
        const sent = request({ host: '127.0.0.1', port, method: 'POST', agent: false })
        sent.on('error', () => {})
        sent.on('response', (response) => {
          let text = `${response.statusCode} `
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk
          })
          response.on('error', reject)
          response.on('end', () => resolve(text))
          response.on('close', () => reject(new Error(`closed after ${text.length} characters`)))
        })
        for (let written = 0; written < 256; written++) sent.write(Buffer.alloc(16_384))
      })
      expect(body).toBe(`413 ${answer}`)
    }
  })
})
