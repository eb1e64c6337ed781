/** What the proxy's server makes of requests: which go on, which are refused, and what becomes of the connection. */
import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ProxyServer } from '../../../lib/cli/proxy/server.js'
import { until } from '../../support/until.js'
import { Client, get, LISTEN, say, startEndpoint, startServer } from './proxy-server.js'

/** Answers with what came: method, target, fields, body. */
const echo = () =>
  startEndpoint((request, response) => {
    let body = ''
    request.setEncoding('latin1').on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      const fields = request.rawHeaders.flatMap((name, i, all) =>
        i % 2 === 0 ? [`[${name}: ${all[i + 1]}]`] : [],
      )
      response.end(`<${request.method} ${request.url}>${fields.join('')}(${body})`)
    })
  })

const CLOSE = 'connection: close\r\n'

describe('a request', () => {
  it('goes on with its method, target, fields and body, and with what is told of the client', async () => {
    const { port } = await startServer((await echo()).url)
    const text = await say(
      port,
      'PUT /a?b HTTP/1.1\r\nhost: shop.example\r\nX-Kept: 1\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody',
    ).all()
    expect(text).toContain('HTTP/1.1 200 OK')
    expect(text).toContain('<PUT /a?b>')
    expect(text).toContain('(body)')
    for (const field of [
      'X-Kept: 1',
      'x-forwarded-for: 127.0.0.1',
      'x-forwarded-host: shop.example',
      'via: 1.1 fairlead',
    ])
      expect(text).toContain(`[${field}]`)
    expect(text).toMatch(/\[host: 127\.0\.0\.1:\d+\]/)
  })

  it("names the client's own host where the service asks for that", async () => {
    const { port } = await startServer((await echo()).url, {
      passesHost: true,
      service: { client: { host: 'request' } },
    })
    expect(await say(port, get('/', CLOSE)).all()).toContain('[host: x]')
    const old = await say(port, 'GET / HTTP/1.0\r\n\r\n').all()
    expect(old).toMatch(/\[host: (app|127\.0\.0\.1:\d+)\]/)
  })

  it('without a body is sent without one, and one in chunks in chunks', async () => {
    const { port } = await startServer((await echo()).url)
    const none = await say(port, get('/', CLOSE)).all()
    expect(none).not.toMatch(/\[(transfer-encoding|content-length)/)
    const chunks = `POST / HTTP/1.1\r\nhost: x\r\n${CLOSE}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n`
    const text = await say(port, chunks).all()
    expect(text).toContain('[transfer-encoding: chunked]')
    expect(text).toContain('(ab)')
  })

  it('leaves the connection to the next one, in order, whatever was sent ahead', async () => {
    const { port } = await startServer((await echo()).url)
    const post = 'POST /2 HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nb'
    const client = say(port, get('/1') + post + get('/3'))
    await client.got('/3>')
    expect([...client.text.matchAll(/<(\S+ \S+)>/g)].map(([, what]) => what)).toEqual([
      'GET /1',
      'POST /2',
      'GET /3',
    ])
    expect(client.ended).toBe(false)
    client.send(get('/4', CLOSE))
    expect(await client.all()).toContain('<GET /4>')
  })

  it('of HTTP/1.0 is answered, and ends the connection', async () => {
    const { port } = await startServer((await echo()).url)
    expect(await say(port, 'GET /old HTTP/1.0\r\nhost: x\r\n\r\n').all()).toContain('<GET /old>')
  })
})

describe('a request that is refused', () => {
  it.each([
    ['no route', get('/none', CLOSE), 404, 'FAIRLEAD_UNKNOWN_SERVICE'],
    ['no host', `GET / HTTP/1.1\r\n\r\n`, 400, 'FAIRLEAD_ARGUMENT'],
    ['a target that is none', get('*'), 400, 'FAIRLEAD_ARGUMENT'],
    [
      'an unknown coding',
      'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n',
      501,
      'FAIRLEAD_ARGUMENT',
    ],
    [
      'a coding of HTTP/1.0',
      'POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n',
      400,
      'FAIRLEAD_ARGUMENT',
    ],
    ['CONNECT', 'CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n', 501, 'FAIRLEAD_ARGUMENT'],
    ['an expectation', get('/', `expect: magic\r\n${CLOSE}`), 417, 'FAIRLEAD_ARGUMENT'],
    ['garbage', 'garbage\r\n\r\n', 400, 'FAIRLEAD_ARGUMENT'],
    ['fields too long', get('/', `x: ${'y'.repeat(40_000)}\r\n`), 431, 'FAIRLEAD_ARGUMENT'],
    [
      'an upgrade with a body',
      get('/', 'connection: upgrade\r\nupgrade: x\r\ncontent-length: 1\r\n'),
      400,
      'FAIRLEAD_ARGUMENT',
    ],
  ])('is answered here, and the connection ends: %s', async (_name, message, status, code) => {
    let asked = 0
    const { url } = await startEndpoint((_request, response) => {
      asked++
      response.end()
    })
    const { port, failures } = await startServer(url)
    const text = await say(port, message).all()
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
    expect(text).toContain(`"code":"${code}"`)
    expect(asked).toBe(0)
    expect(failures).toEqual([])
  })

  it('for want of a route alone leaves the connection open', async () => {
    const { port } = await startServer((await echo()).url)
    const client = say(port, get('/none'))
    await client.got('FAIRLEAD_UNKNOWN_SERVICE')
    client.send(get('/next', CLOSE))
    expect(await client.all()).toContain('<GET /next>')
  })

  it('while its body is still coming is answered all the same, and nothing behind it is served', async () => {
    const { port } = await startServer((await echo()).url)
    const head = 'POST * HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n'
    const client = say(port, head)
    await client.all()
    expect(client.text).toMatch(/^HTTP\/1\.1 400 /)
    client.send(`${'y'.repeat(100)}${get('/after')}`)
    client.socket.end()
    await until(() => client.closed)
    expect(client.text).not.toContain('/after')
  })

  it('comes after those before it were answered', async () => {
    const { port } = await startServer((await echo()).url)
    const text = await say(port, `${get('/1')}garbage\r\n\r\n`).all()
    expect(text.indexOf('<GET /1>')).toBeLessThan(text.indexOf('HTTP/1.1 400'))
    expect(text.indexOf('<GET /1>')).toBeGreaterThan(0)
  })

  it('in the middle of its body ends at the endpoint too', async () => {
    let [came, broken] = [false, false]
    const { url } = await startEndpoint((request) => {
      came = true
      request.resume().on('error', () => {
        broken = true
      })
    })
    const { port, failures } = await startServer(url)
    const client = say(port, 'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n')
    await until(() => came)
    client.send('zz\r\n')
    expect(await client.all()).toMatch(/^HTTP\/1\.1 400 /)
    await until(() => broken)
    // The endpoint was not at fault.
    expect(failures).toEqual([])
  })

  it('whose endpoint fails is told, and answered with a code', async () => {
    const { url } = await startEndpoint((request) => void request.socket.destroy())
    const { port, failures } = await startServer(url)
    const client = say(port, get('/1'))
    expect(await client.got('UND_ERR_SOCKET')).toMatch(/^HTTP\/1\.1 502 /)
    expect(failures).toEqual(['502 UND_ERR_SOCKET'])
    // The client is not at fault: its connection stays.
    expect(client.ended).toBe(false)
  })
})

describe('a client that waits to be asked for its body', () => {
  const EXPECTING = 'POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n'

  it('is asked once an endpoint takes it, and once', async () => {
    const { port } = await startServer((await echo()).url)
    const client = say(port, EXPECTING)
    expect(await client.got('\r\n\r\n')).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    client.send('body')
    await client.got('(body)')
    expect(client.text.match(/100 Continue/g)).toHaveLength(1)
  })

  it('is not where its request is refused: that ends the connection', async () => {
    const { port } = await startServer((await echo()).url)
    const text = await say(port, EXPECTING.replace('/', '/none')).all()
    expect(text).toMatch(/^HTTP\/1\.1 404 /)
    expect(text).not.toContain('100 Continue')
  })

  it('is not where it has sent its body without, or expects nothing', async () => {
    const { port } = await startServer((await echo()).url)
    const text = await say(port, `POST / HTTP/1.1\r\nhost: x\r\n${CLOSE}content-length: 4\r\n\r\nbody`).all()
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    const old = `POST / HTTP/1.0\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\nbody`
    expect(await say(port, old).all()).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('an answer', () => {
  it('that comes before the end of the body ends the connection, though the body is read', async () => {
    const { url } = await startEndpoint((_request, response) => response.end('early'))
    const { port } = await startServer(url)
    const client = say(port, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\nbegin')
    expect(await client.all()).toMatch(/connection: close[\s\S]*early$/i)
    client.socket.end('y'.repeat(99_995))
    await until(() => client.closed)
  })

  it('has its head at once, though its body does not come', async () => {
    let more = (): void => {}
    const { url } = await startEndpoint((_request, response) => {
      response.writeHead(200, { 'x-a': '1' }).flushHeaders()
      more = () => void response.end('body')
    })
    const { port } = await startServer(url)
    const client = say(port, get('/'))
    expect(await client.got('\r\n\r\n')).toContain('x-a: 1')
    more()
    await client.got('body')
  })

  it('hands on what comes before and after it', async () => {
    const { url } = await startEndpoint((_request, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' })
      response.writeHead(200, { trailer: 'x-sum, x-none' })
      response.write('body')
      response.addTrailers({ 'x-sum': '7', 'content-type': 'no', 'Set-Cookie': 'no' })
      response.end()
    })
    const { port } = await startServer(url)
    const client = say(port, get('/'))
    await client.got('0\r\nx-sum: 7\r\n\r\n')
    expect(client.text).toMatch(
      /^HTTP\/1\.1 103 Early Hints\r\nlink: <\/a>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/i,
    )
    expect(client.text).toMatch(/trailer: x-sum, x-none/i)
    expect(client.text).not.toMatch(/: no/)
    const old = await say(port, 'GET / HTTP/1.0\r\nhost: x\r\n\r\n').all()
    expect(old).toMatch(/^HTTP\/1\.1 200 /)
    expect(old).not.toMatch(/trailer|x-sum/i)
  })

  it('that breaks off breaks off for the client', async () => {
    const { url } = await startEndpoint((request, response) => {
      response.writeHead(200, { 'content-length': '10' }).write('half', () => request.socket.destroy())
    })
    const { port, failures } = await startServer(url)
    const client = say(port, get('/'))
    await until(() => client.closed || client.ended)
    expect(client.text).toMatch(/half$/)
    expect(failures).toEqual(['502 UND_ERR_SOCKET'])
  })

  it('is not waited for where the client has left', async () => {
    let left = false
    const { url } = await startEndpoint((request, response) => {
      response.on('close', () => {
        left = !request.socket.readable || request.socket.destroyed
      })
    })
    const { port, failures, balancer } = await startServer(url)
    const client = say(port, get('/'))
    await until(() => balancer.stats().services['app']?.inFlight === 1)
    client.socket.destroy()
    await until(() => left)
    await until(() => balancer.stats().services['app']?.inFlight === 0)
    expect(failures).toEqual([])
  })

  it('waits while the client does not read, and goes on when it does', async () => {
    const SIZE = 8 * 1024 * 1024
    let sent = 0
    const { url } = await startEndpoint((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024, 'y')
      const write = (): void => {
        while (sent < SIZE) {
          sent += chunk.length
          if (!response.write(chunk)) return void response.once('drain', write)
        }
        response.end()
      }
      write()
    })
    const { port } = await startServer(url)
    const client = new Client(port)
    let length = 0
    client.socket.removeAllListeners('data')
    client.socket.on('data', (chunk: string) => {
      length += chunk.length
    })
    client.socket.pause()
    client.send(get('/', CLOSE))
    await until(() => sent > 0)
    await new Promise((resolve) => setTimeout(resolve, 100))
    client.socket.resume()
    await until(() => client.ended || client.closed)
    expect(length).toBeGreaterThan(SIZE)
  })
})

describe('the address to listen on', () => {
  it('that is in use, or not of this machine, is a wrong argument', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as { port: number }
    const fresh = () => new ProxyServer(OPTIONS)
    await expect(fresh().listen(port, '127.0.0.1')).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: the address is in use`,
    )
    await expect(fresh().listen(port, '192.0.2.1')).rejects.toThrow('this machine does not have the address')
  })
})

const OPTIONS = {
  route: () => undefined,
  passesHost: () => false,
  dispatcher: undefined as never,
  listen: LISTEN,
  onFailure: () => {},
  onTimeout: () => {},
}
