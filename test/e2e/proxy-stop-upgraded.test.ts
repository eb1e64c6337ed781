/** What a stopping proxy does with connections that speak another protocol by now. */
import { once } from 'node:events'
import { request } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { type RunningProxy, startEndpoint, startProxy, until } from './proxy-fixtures.js'

interface Joined {
  readonly proxy: RunningProxy
  readonly client: Socket
  readonly endpoint: Socket
  /** What the client got. */
  readonly text: () => string
}

/** A client and an endpoint that are joined by a proxy; the endpoint sends back what it gets. */
async function joined(drainMs: number): Promise<Joined> {
  const { server, url } = await startEndpoint((_request, response) => void response.end('plain'))
  const sockets: Socket[] = []
  server.on('upgrade', (_request, socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n')
    socket.pipe(socket)
  })
  const proxy = await startProxy({ listen: { drainMs }, services: { app: { endpoints: [url] } } })
  const headers = { connection: 'upgrade', upgrade: 'echo' }
  const [, client, head] = await once(
    request({ host: '127.0.0.1', port: proxy.port, headers, agent: false }).end(),
    'upgrade',
  )
  let text = String(head)
  client.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  client.on('error', () => {})
  return { proxy, client, endpoint: sockets[0], text: () => text }
}

describe('fairlead proxy, stopping with upgraded connections', () => {
  it.each(['client', 'endpoint'] as const)(
    'goes on carrying them, and ends as soon as the %s has closed the last one',
    async (side) => {
      const { proxy, client, endpoint, text } = await joined(80_000)
      proxy.child.kill('SIGTERM')
      await proxy.printed('SIGTERM: waiting up to 80000 ms')
      client.write('still there')
      await until(() => text() === 'still there')
      ;(side === 'client' ? client : endpoint).end()
      // Long before the time to drain: the test's own time is shorter.
      expect(await proxy.finished).toMatchObject({ code: 0, stderr: '' })
      await until(() => client.destroyed && endpoint.destroyed)
    },
    40_000,
  )

  it('cuts them off on both sides when the time to drain is over', async () => {
    const { proxy, client, endpoint } = await joined(100)
    const closed = Promise.all([once(client, 'close'), once(endpoint, 'close')])
    proxy.child.kill('SIGTERM')
    await closed
    expect(await proxy.finished).toMatchObject({ code: 0 })
    expect(proxy.stdout()).toMatch(/stopped\n$/)
  })

  it('waits for none where a second signal comes', async () => {
    const { proxy, client, endpoint } = await joined(80_000)
    proxy.child.kill('SIGTERM')
    await proxy.printed('SIGTERM: waiting')
    proxy.child.kill('SIGTERM')
    expect(await proxy.finished).toMatchObject({ code: 143 })
    await until(() => client.destroyed && endpoint.destroyed)
  }, 40_000)
})
