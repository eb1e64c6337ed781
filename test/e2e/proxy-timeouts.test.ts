/** Clients that keep the proxy waiting, and what they must not hold: places at endpoints, connections, its end. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ask, startEndpoint, startProxy, until } from './proxy-fixtures.js'

const service = (url: string, rest: object = {}) => ({ services: { app: { endpoints: [url], ...rest } } })
/** A request that finds no place is to be refused at once. */
const onePlace = { limits: { perEndpoint: { maxRequests: 1 } }, queue: { limit: 0 } }

interface Client {
  readonly socket: Socket
  readonly text: () => string
  readonly closed: Promise<unknown>
}

function client(port: number, message = ''): Client {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  const closed = once(socket, 'close')
  socket.write(message)
  return { socket, text: () => text, closed }
}

const POST = 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n'

describe('fairlead proxy, clients that keep it waiting', () => {
  it.each([
    ['nothing', '', /^$/],
    ['half a request line', 'GET / HT', /^HTTP\/1.1 408 .*FAIRLEAD_HEADERS_TIMEOUT/s],
    ['half of the header fields', 'GET / HTTP/1.1\r\nhost: x\r\n', /^HTTP\/1.1 408 /],
  ])('ends a connection that sends %s', async (_what, message, answer) => {
    const endpoint = await startEndpoint((_request, response) => void response.end('ok'))
    const proxy = await startProxy({ listen: { headersTimeoutMs: 200 }, ...service(endpoint.url) })
    const { text, closed } = client(proxy.port, message)
    await closed
    expect(text()).toMatch(answer)
    await proxy.printed('408 FAIRLEAD_HEADERS_TIMEOUT', 'stderr')
    proxy.child.kill('SIGTERM')
    expect((await proxy.finished).stdout).toContain('time-outs of clients: 1 headers, 0 body, 0 send, 0 idle')
  })

  it('gives back the place of an upload whose body does not go on', async () => {
    const endpoint = await startEndpoint((request, response) => {
      request.resume().on('end', () => response.end('ok'))
    })
    const proxy = await startProxy({
      listen: { bodyTimeoutMs: 300 },
      ...service(endpoint.url, { ...onePlace, outlier: { consecutiveLocalOrigin: 1 } }),
    })
    const stalled = client(proxy.port, `${POST}half`)
    await once(endpoint.server, 'request')
    expect((await ask(proxy.port, '/')).status).toBe(503)
    await stalled.closed
    expect(stalled.text()).toMatch(/^HTTP\/1.1 408 .*FAIRLEAD_BODY_TIMEOUT/s)
    expect(await ask(proxy.port, '/')).toMatchObject({ status: 200, body: 'ok' })
    expect(proxy.stderr()).toContain('408 FAIRLEAD_BODY_TIMEOUT')
    expect(proxy.stdout()).not.toContain('ejected')
  })

  it('does not take an endpoint that does not read for a client that does not send', async () => {
    let read = (): void => {}
    const endpoint = await startEndpoint((request, response) => {
      read = () => request.resume()
      request.on('end', () => response.end('ok'))
    })
    const { port } = await startProxy({ listen: { bodyTimeoutMs: 1000 }, ...service(endpoint.url) })
    const answer = ask(port, '/', { method: 'POST', body: 'x'.repeat(64 << 20) })
    await once(endpoint.server, 'request')
    // Several time-outs long.
    await new Promise((resolve) => setTimeout(resolve, 3500))
    read()
    expect(await answer).toMatchObject({ status: 200, body: 'ok' })
  })

  it('gives back the places of clients that do not read', async () => {
    const endpoint = await startEndpoint((request, response) => {
      response.end(request.url === '/large' ? Buffer.alloc(32 << 20) : 'ok')
    })
    const proxy = await startProxy({ listen: { sendTimeoutMs: 500 }, ...service(endpoint.url, onePlace) })
    const { socket, closed } = client(proxy.port)
    socket.pause()
    socket.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(endpoint.server, 'request')
    expect((await ask(proxy.port, '/')).status).toBe(503)
    await proxy.printed('408 FAIRLEAD_SEND_TIMEOUT', 'stderr')
    expect(await ask(proxy.port, '/')).toMatchObject({ status: 200, body: 'ok' })
    socket.resume()
    await closed
  })

  it('lets a client read as slowly as it likes, as long as it reads', async () => {
    const BYTES = 12 << 20
    const endpoint = await startEndpoint((_request, response) => void response.end(Buffer.alloc(BYTES)))
    const { port } = await startProxy({ listen: { sendTimeoutMs: 2000 }, ...service(endpoint.url) })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
    let received = 0
    for await (const chunk of socket) {
      received += (chunk as Buffer).length
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(received).toBeGreaterThan(BYTES)
  })

  it('ends connections that are idle between two requests', async () => {
    const endpoint = await startEndpoint((_request, response) => void response.end('ok'))
    const proxy = await startProxy({ listen: { idleTimeoutMs: 200 }, ...service(endpoint.url) })
    const { text, closed } = client(proxy.port, 'GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    await closed
    expect(text()).toMatch(/^HTTP\/1.1 200 /)
    proxy.child.kill('SIGTERM')
    expect((await proxy.finished).stdout).toContain('0 headers, 0 body, 0 send, 1 idle')
  })

  it.each([
    ['nothing', ''],
    ['half a request', 'GET / HTTP/1.1\r\nhost'],
    ['a request, long answered', 'GET / HTTP/1.1\r\nhost: x\r\n\r\n'],
  ])('stops at once though a client is connected that has sent %s', async (_what, message) => {
    const endpoint = await startEndpoint((_request, response) => void response.end('ok'))
    const proxy = await startProxy({ listen: { drainMs: 60_000 }, ...service(endpoint.url) })
    const { socket, text } = client(proxy.port, message)
    await once(socket, 'connect')
    if (message.endsWith('\r\n\r\n')) await until(() => text().endsWith('ok'))
    // The proxy has certainly seen the connection by then: it takes them in order.
    await ask(proxy.port, '/')
    proxy.child.kill('SIGTERM')
    expect(await proxy.finished).toMatchObject({ code: 0 })
  })
})
