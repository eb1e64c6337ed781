import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type Endpoint, startEndpoint, startProxy, until } from './proxy-fixtures.js'

const HEADERS = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'dGhlIHNhbXBsZQ==' }

/** Agrees to upgrades and sends back what it gets; `sockets` are the connections that were upgraded. */
async function echoEndpoint(): Promise<Endpoint & { sockets: Socket[] }> {
  const endpoint = await startEndpoint((_request, response) => void response.end('plain'))
  const sockets: Socket[] = []
  endpoint.server.on('upgrade', (request, socket: Socket, head) => {
    sockets.push(socket)
    socket.on('error', () => {})
    const key = request.headers['sec-websocket-key']
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nx-key: ${key}\r\n\r\nhello `,
    )
    socket.write(head)
    socket.pipe(socket)
  })
  return { ...endpoint, sockets }
}

async function upgrade(
  port: number,
): Promise<{ socket: Socket; headers: Record<string, string>; text: () => string }> {
  const sent = request({ host: '127.0.0.1', port, headers: HEADERS, agent: false }).end()
  const [response, socket, head] = await once(sent, 'upgrade')
  let text = String(head)
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  socket.on('error', () => {})
  return { socket, headers: response.headers, text: () => text }
}

describe('fairlead proxy, upgrades', () => {
  it('joins the two connections', async () => {
    const endpoint = await echoEndpoint()
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    const { socket, headers, text } = await upgrade(port)
    expect(headers).toMatchObject({
      upgrade: 'websocket',
      connection: 'upgrade',
      'x-key': HEADERS['sec-websocket-key'],
    })
    socket.write('one ')
    await until(() => text() === 'hello one ')
    socket.write('two')
    await until(() => text() === 'hello one two')
    socket.end()
    await once(socket, 'close')
    await until(() => endpoint.sockets[0].destroyed)
  })

  it.each(['client', 'endpoint'])('closes one side when the %s breaks off', async (side) => {
    const endpoint = await echoEndpoint()
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    const { socket, text } = await upgrade(port)
    await until(() => text() === 'hello ')
    const [broken, other] = side === 'client' ? [socket, endpoint.sockets[0]] : [endpoint.sockets[0], socket]
    broken.resetAndDestroy()
    await until(() => other.destroyed)
  })

  it('hands on a refusal as it is', async () => {
    const endpoint = await startEndpoint(() => {})
    endpoint.server.on('upgrade', (_request, socket) => {
      socket.end(
        'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno',
      )
    })
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    const sent = request({ host: '127.0.0.1', port, headers: HEADERS, agent: false }).end()
    const [response] = await once(sent, 'response')
    expect(response.statusCode).toBe(401)
    expect(response.headers['www-authenticate']).toBe('Basic')
    let body = ''
    for await (const chunk of response) body += chunk
    expect(body).toBe('no')
  })

  it('answers 503 where no endpoint can take it', async () => {
    const { port } = await startProxy({ services: { app: { endpoints: [] } } })
    const sent = request({ host: '127.0.0.1', port, headers: HEADERS, agent: false }).end()
    const [response] = await once(sent, 'response')
    expect(response.statusCode).toBe(503)
    expect(JSON.parse(String(await once(response, 'data'))).code).toBe('FAIRLEAD_NO_ENDPOINT')
  })

  it('refuses an upgrade with a body', async () => {
    const endpoint = await echoEndpoint()
    const { port } = await startProxy({ services: { app: { endpoints: [endpoint.url] } } })
    const socket = connect(port, '127.0.0.1')
    socket.write(
      'POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\ncontent-length: 2\r\n\r\nhi',
    )
    let text = ''
    for await (const chunk of socket.setEncoding('utf8')) text += chunk
    expect(text).toMatch(/^HTTP\/1.1 400 /)
  })
})
