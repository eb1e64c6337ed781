/** What clients send ahead of their answers: order, upgrades, garbage. */
import { connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { startEndpoint, startProxy, until } from './proxy-fixtures.js'

const config = (url: string) => ({ services: { app: { endpoints: [url], retry: false } } })
const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n${fields}\r\n`

/** Sends `message` and collects what comes until `isEnough`, or the connection closes. */
async function talk(port: number, message: string, isEnough: (text: string) => boolean): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  let closed = false
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.write(message, 'latin1')
  await until(() => closed || isEnough(text))
  return text
}

/** Answers with the path, `/slow` late; `most` is how many requests it has had at once. */
async function slowEndpoint() {
  const seen: string[] = []
  const at = { once: 0, most: 0 }
  const endpoint = await startEndpoint((request, response) => {
    seen.push(request.url as string)
    at.most = Math.max(at.most, ++at.once)
    request.resume().on('end', () => {
      const finish = () => {
        at.once--
        response.end(`<${request.url}>`)
      }
      setTimeout(finish, request.url === '/slow' ? 150 : 0)
    })
  })
  endpoint.server.on('upgrade', (request, socket) => {
    seen.push(request.url as string)
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nhello ')
    socket.pipe(socket)
  })
  return { ...endpoint, seen, at }
}

const bodies = (text: string): string[] => [...text.matchAll(/<([^>]*)>/g)].map(([, path]) => path)

describe('fairlead proxy, pipelined requests', () => {
  it('go on in order, one at a time, and are answered so', async () => {
    const endpoint = await slowEndpoint()
    const { port } = await startProxy(config(endpoint.url))
    const post = 'POST /post HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nbody'
    const paths = ['/slow', '/a', '/post', '/b']
    const text = await talk(
      port,
      get('/slow') + get('/a') + post + get('/b'),
      (text) => bodies(text).length === 4,
    )
    expect(bodies(text)).toEqual(paths)
    expect(endpoint.seen).toEqual(paths)
    expect(endpoint.at.most).toBe(1)
  })

  it('are answered however many there are, or the connection is closed after those that were taken', async () => {
    const endpoint = await slowEndpoint()
    const proxy = await startProxy(config(endpoint.url))
    const text = await talk(proxy.port, get('/slow') + get('/a').repeat(5000), () => false)
    expect(bodies(text).length).toBe(endpoint.seen.length)
    expect(endpoint.seen.length).toBeGreaterThan(1000)
    expect(endpoint.seen.length).toBeLessThan(5001)
  })

  it('may end in an upgrade, which waits for its turn', async () => {
    const endpoint = await slowEndpoint()
    const { port } = await startProxy(config(endpoint.url))
    const upgrade = get('/ws', 'connection: upgrade\r\nupgrade: x\r\n')
    const text = await talk(port, `${get('/slow')}${upgrade}early`, (text) => text.endsWith('early'))
    expect(text).toMatch(/^HTTP\/1.1 200 .*<\/slow>HTTP\/1.1 101 .*hello early$/s)
  })

  it('are served behind an upgrade to HTTP/2, which is passed over', async () => {
    const endpoint = await slowEndpoint()
    const proxy = await startProxy(config(endpoint.url))
    const h2c = get('/h2c', 'connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n')
    // More of them than Node has patience with listeners.
    const message = get('/slow') + h2c.repeat(20) + get('/last')
    const text = await talk(proxy.port, message, (text) => text.endsWith('</last>'))
    expect(bodies(text)).toEqual(['/slow', ...Array.from({ length: 20 }, () => '/h2c'), '/last'])
    expect(proxy.stderr()).toBe('')
  })

  it('are answered before what cannot be understood is', async () => {
    const endpoint = await slowEndpoint()
    const { port } = await startProxy(config(endpoint.url))
    const text = await talk(port, `${get('/slow')}\x00garbage\r\n\r\n`, () => false)
    expect(text).toMatch(/^HTTP\/1.1 200 .*<\/slow>HTTP\/1.1 400 .*malformed"}$/s)
  })

  it('behind the last one of a connection are ignored', async () => {
    const endpoint = await slowEndpoint()
    const { port } = await startProxy(config(endpoint.url))
    const text = await talk(port, get('/slow', 'connection: close\r\n') + get('/a'), () => false)
    expect(text).toMatch(/^HTTP\/1.1 200 .*<\/slow>$/s)
    expect(endpoint.seen).toEqual(['/slow'])
  })

  it.each([
    ['CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n', 501],
    ['POST / HTTP/1.1\r\nhost: x\r\nexpect: tea\r\ncontent-length: 0\r\n\r\n', 417],
    ['GET / HTTP/1.1\r\n\r\n', 400],
    ['POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n', 400],
  ])('that are refused are so in their turn: %j', async (message, status) => {
    const endpoint = await slowEndpoint()
    const { port } = await startProxy(config(endpoint.url))
    const right = new RegExp(`^HTTP/1.1 200 .*</slow>HTTP/1.1 ${status} `, 's')
    expect(await talk(port, get('/slow') + message, (text) => right.test(text))).toMatch(right)
    expect(endpoint.seen).toEqual(['/slow'])
  })
})

describe('fairlead proxy, a client that leaves', () => {
  it.each(['reset', 'end'] as const)('during its upgrade does no harm (%s)', async (how) => {
    let left = false
    const endpoint = await startEndpoint((_request, response) => void response.end('ok'))
    endpoint.server.on('upgrade', (_request, socket) => {
      socket.on('error', () => {})
      socket.on('end', () => {
        left = true
      })
      socket.resume()
    })
    const proxy = await startProxy(config(endpoint.url))
    const socket = connect(proxy.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(get('/ws', 'connection: upgrade\r\nupgrade: websocket\r\n'))
    await new Promise((resolve) => endpoint.server.once('upgrade', resolve))
    if (how === 'reset') socket.resetAndDestroy()
    else socket.end()
    await until(() => left)
    expect(await talk(proxy.port, get('/', 'connection: close\r\n'), () => false)).toMatch(/ok$/)
    expect(proxy.child.exitCode).toBeNull()
  })
})
