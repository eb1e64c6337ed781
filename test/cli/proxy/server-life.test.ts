/** How connections to the proxy end: upgrades, time-outs of clients, and the server's own end. */
import type { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { until } from '../../support/until.js'
import { Client, get, say, startEndpoint, startServer } from './proxy-server.js'

const CLOSE = 'connection: close\r\n'
const UPGRADE = 'connection: upgrade\r\nupgrade: x\r\n'

/** Answers `/slow` when it is let go, everything else at once; agrees to upgrades and gives back what it gets, in brackets. */
async function endpoint() {
  const waiting: (() => void)[] = []
  const tunnels: Duplex[] = []
  const at = { sent: 0 }
  const { url, server } = await startEndpoint((request, response) => {
    at.sent++
    if (request.url === '/slow') waiting.push(() => void response.end('<slow>'))
    else
      request
        .resume()
        .on('end', () =>
          response.end(`<${request.url} ${request.headers.upgrade ?? request.headers['x-a'] ?? ''}>`),
        )
  })
  server.on('upgrade', (request, socket, head) => {
    tunnels.push(socket)
    socket.on('error', () => {})
    socket.write(`HTTP/1.1 101 S\r\nX-Path: ${request.url}\r\nUpgrade: x/2\r\nconnection: upgrade\r\n\r\n`)
    if (head.length > 0) socket.write(`[${head}]`)
    socket.on('data', (chunk) => socket.write(`[${chunk}]`))
    socket.on('end', () => socket.end())
  })
  return { url, server, tunnels, at, letGo: () => waiting.shift()?.(), isWaiting: () => waiting.length > 0 }
}

describe('an upgrade', () => {
  it('that the endpoint agrees to joins the connections, both ways, with what was sent ahead', async () => {
    const { url, tunnels } = await endpoint()
    const { port } = await startServer(url)
    const client = say(port, `${get('/a', UPGRADE)}early`)
    await client.got('[early]')
    const head = client.text.slice(0, client.text.indexOf('\r\n\r\n'))
    expect(head.split('\r\n')).toEqual([
      ...['HTTP/1.1 101 Switching Protocols', 'X-Path: /a', 'connection: upgrade', 'upgrade: x/2'],
    ])
    client.send('more')
    await client.got('[more]')
    // The end of one side is the end of the other.
    client.socket.end()
    await until(() => client.ended && tunnels[0]?.closed === true)
  })

  it('ends for the client when the endpoint ends, and for the endpoint when the client is gone', async () => {
    const { url, tunnels } = await endpoint()
    const { port } = await startServer(url)
    const [one, other] = [say(port, get('/', UPGRADE)), say(port, get('/', UPGRADE))]
    await Promise.all([one.got('\r\n\r\n'), other.got('\r\n\r\n')])
    one.socket.resetAndDestroy()
    await until(() => tunnels.some((socket) => socket.destroyed))
    for (const socket of tunnels) socket.destroy()
    await other.all()
  })

  it('waits for its turn, as does what was sent after it', async () => {
    const { url, letGo, isWaiting } = await endpoint()
    const { port } = await startServer(url)
    const client = say(port, `${get('/slow')}${get('/b', UPGRADE)}ear`)
    await until(isWaiting)
    client.send('ly')
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(client.text).toBe('')
    letGo()
    await client.got(/X-Path: \/b[\s\S]*\[ear(ly\]|\]\[ly\])/)
    expect(client.text.indexOf('<slow>')).toBeLessThan(client.text.indexOf('101 Switching'))
  })

  it('that the endpoint does not agree to is answered, and ends the connection', async () => {
    const { url } = await startEndpoint((_request, response) => response.writeHead(426).end('<no>'))
    const { url: refusing, server } = await startEndpoint((_request, response) => response.end())
    server.on('upgrade', (_request, socket: Duplex) => {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\n<no>')
    })
    expect(url).not.toBe(refusing)
    const { port } = await startServer(refusing)
    const client = say(port, get('/', UPGRADE))
    expect(await client.all()).toMatch(/^HTTP\/1\.1 403 Forbidden[\s\S]*<no>$/)
    expect(client.text).toMatch(/connection: close/i)
  })

  it('to HTTP/2 is passed over, and the request served without, as are those after it', async () => {
    const { url } = await endpoint()
    const { port } = await startServer(url)
    const asking =
      'connection: Upgrade, HTTP2-Settings, x-a\r\nupgrade: h2c\r\nHTTP2-Settings: AAAA\r\nx-a: 1\r\n'
    const client = say(port, get('/1', asking) + get('/2', CLOSE))
    const text = await client.all()
    // Fields that `connection` names stay here as ever.
    expect([...text.matchAll(/<([^>]*)>/g)].map(([, what]) => what)).toEqual(['/1 ', '/2 '])
    // What else `connection` says holds.
    const last = asking.replace('x-a\r\n', 'close\r\n')
    expect(await say(port, get('/3', last)).all()).toContain('</3 1>')
  })

  it('whose client has left before the answer is not agreed to', async () => {
    let asked = 0
    const { url, server } = await startEndpoint((_request, response) => response.end())
    const sockets: Duplex[] = []
    server.on('upgrade', (_request, socket: Duplex) => {
      asked++
      sockets.push(socket)
      socket.on('error', () => {})
    })
    const { port, balancer } = await startServer(url)
    const client = say(port, get('/', UPGRADE))
    await until(() => asked === 1)
    client.socket.end()
    await until(() => balancer.stats().services['app']?.inFlight === 0)
    await until(() => client.ended || client.closed)
    expect(client.text).toBe('')
  })
})

describe('a client that stands still', () => {
  it('in the middle of its fields is timed out', async () => {
    const { url } = await endpoint()
    const { port, timeouts } = await startServer(url, { listen: { headersTimeoutMs: 60 } })
    const text = await say(port, 'GET / HTTP/1.1\r\nhost').all()
    expect(text).toMatch(/^HTTP\/1\.1 408 [\s\S]*FAIRLEAD_HEADERS_TIMEOUT/)
    expect(timeouts).toEqual(['headers FAIRLEAD_HEADERS_TIMEOUT'])
  })

  it('before its first byte is told nothing', async () => {
    const { url } = await endpoint()
    const { port } = await startServer(url, { listen: { headersTimeoutMs: 60 } })
    expect(await new Client(port).all()).toBe('')
  })

  it('in the middle of its body is timed out, and no one else is', async () => {
    const { url, isWaiting, letGo } = await endpoint()
    const { port, timeouts, failures } = await startServer(url, { listen: { bodyTimeoutMs: 80 } })
    // Its body has come: it is the endpoint that is slow.
    const slow = say(port, 'POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody')
    await until(isWaiting)
    const idle = say(port, get('/'))
    await idle.got('</')
    const text = await say(port, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbo').all()
    expect(text).toMatch(/^HTTP\/1\.1 408 [\s\S]*FAIRLEAD_BODY_TIMEOUT/)
    expect(timeouts).toEqual(['body FAIRLEAD_BODY_TIMEOUT'])
    expect(failures).toEqual([])
    letGo()
    await slow.got('<slow>')
    expect(idle.ended).toBe(false)
  })

  it('with its body has no limit where there is none', async () => {
    const { url } = await endpoint()
    const { port, timeouts } = await startServer(url, { listen: { sendTimeoutMs: 40 } })
    const client = say(port, 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbo')
    await new Promise((resolve) => setTimeout(resolve, 200))
    client.send('dy')
    await client.got('</')
    expect(timeouts).toEqual([])
  })

  it('without taking its answer is cut off', async () => {
    const { url } = await startEndpoint((_request, response) => {
      const chunk = Buffer.alloc(1024 * 1024)
      for (let i = 0; i < 30; i++) response.write(chunk)
      response.end()
    })
    const { port, timeouts } = await startServer(url, { listen: { sendTimeoutMs: 100 } })
    const client = new Client(port)
    client.socket.pause()
    client.send(get('/'))
    await until(() => timeouts.length > 0)
    expect(timeouts[0]).toBe('send FAIRLEAD_SEND_TIMEOUT')
    client.socket.resume()
    await until(() => client.closed || client.ended)
  })

  it('without a request of its own is closed, once it has been idle for long enough', async () => {
    const { url } = await endpoint()
    const { port, timeouts } = await startServer(url, { listen: { idleTimeoutMs: 60 } })
    const client = say(port, get('/'))
    await client.got('</')
    await until(() => client.closed || client.ended)
    expect(timeouts.filter((kind) => kind !== 'idle')).toEqual([])
  })
})

describe('the end of the server', () => {
  it('closes idle connections at once, and takes no new ones', async () => {
    const { url } = await endpoint()
    const { port, server } = await startServer(url)
    const client = say(port, get('/'))
    await client.got('</')
    await server.close(60_000)
    await until(() => client.closed || client.ended)
    expect(await new Client(port).all()).toBe('')
  })

  it('waits for what is in flight, and says that it is the last', async () => {
    const { url, isWaiting, letGo } = await endpoint()
    const { port, server } = await startServer(url)
    const client = say(port, get('/slow') + get('/next'))
    await until(isWaiting)
    let closed = false
    const closing = server.close(60_000).then(() => {
      closed = true
    })
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(closed).toBe(false)
    letGo()
    // What had come before is served, too.
    const text = await client.all()
    await closing
    expect([...text.matchAll(/<([^>]*)>/g)].map(([, what]) => what)).toEqual(['slow', '/next '])
    expect(text.match(/connection: (close|keep-alive)/gi)?.at(-1)).toMatch(/close/i)
  })

  it('cuts off what takes too long', async () => {
    const { url, isWaiting } = await endpoint()
    const { port, server } = await startServer(url)
    const client = say(port, get('/slow'))
    await until(isWaiting)
    await server.close(40)
    expect(await client.all()).toBe('')
  })
})
