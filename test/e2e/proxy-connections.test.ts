/** The proxy's connections to endpoints: HTTP/2, limits of answers, and what a new configuration does with them. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createSecureServer } from 'node:http2'
import type { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { serve } from '../support/health-servers.js'
import { type Answer, ask, startEndpoint, startProxy, until } from './proxy-fixtures.js'

const pem = (name: string) => readFileSync(new URL(`../fixtures/tls/${name}.pem`, import.meta.url), 'utf8')
const alone = (url: string, rest: object = {}) => ({
  services: { app: { endpoints: [url], retry: false, outlier: false, ...rest } },
})

describe('fairlead proxy, an endpoint that speaks HTTP/2', () => {
  it('gets requests with and without bodies, and its answers come back whole', async () => {
    const versions = new Set<string>()
    const server = createSecureServer(
      { cert: pem('server'), key: pem('server-key'), allowHTTP1: true },
      async (request, response) => {
        versions.add(request.httpVersion)
        let text = ''
        for await (const chunk of request) text += chunk
        response.setHeader('x-method', request.method)
        response.end(`${request.url} ${text.length}`)
      },
    )
    const { port: endpoint } = await serve(server)
    const client = { allowH2: true, connect: { ca: pem('ca') } }
    const { port } = await startProxy(alone(`https://127.0.0.1:${endpoint}`, { client }))
    expect(await ask(port, '/one?two=3')).toMatchObject({ status: 200, body: '/one?two=3 0' })
    for (const headers of [{ 'content-length': '200000' }, {}] as Record<string, string>[]) {
      const answer = await ask(port, '/up', { method: 'POST', body: 'x'.repeat(200_000), headers })
      expect(answer).toMatchObject({ status: 200, body: '/up 200000', headers: { 'x-method': 'POST' } })
    }
    expect([...versions]).toEqual(['2.0'])
  })
})

describe('fairlead proxy, limits of answers', () => {
  it('refuses bodies and headers that are larger than the client options allow', async () => {
    const endpoint = await startEndpoint((request, response) => {
      const size = Number((request.url as string).slice(2))
      if (request.url?.startsWith('/h')) response.setHeader('x-filler', 'x'.repeat(size))
      response.end(request.url?.startsWith('/b') ? 'x'.repeat(size) : 'ok')
    })
    const client = { maxResponseSize: 1_000, maxHeaderSize: 2_000 }
    const { port } = await startProxy(alone(endpoint.url, { client }))
    const statusOf = (path: string) =>
      ask(port, path).then(
        ({ status, body }: Answer) => `${status} ${body.length}`,
        (error: NodeJS.ErrnoException) => error.code,
      )
    expect(await statusOf('/b1000')).toBe('200 1000')
    expect(await statusOf('/b1001')).toBe('ECONNRESET')
    expect(await statusOf('/h1000')).toBe('200 2')
    expect(await statusOf('/h3000')).toMatch(/^502 /)
  })
})

describe('fairlead proxy, its idle connections', () => {
  /** Two endpoints that keep idle connections; `open` counts those of each. */
  async function endpoints() {
    const made = [1, 2].map(async (number) => {
      const endpoint = await startEndpoint((_request, response) => void response.end(`${number}`))
      endpoint.server.keepAliveTimeout = 600_000
      const open = new Set<Socket>()
      endpoint.server.on('connection', (socket) => {
        open.add(socket)
        socket.on('close', () => open.delete(socket))
      })
      return { url: endpoint.url, open }
    })
    return Promise.all(made)
  }

  it('are closed with the endpoint, with its service, and with the client options that they were made by', async () => {
    const [one, two] = await endpoints()
    const client = { keepAliveTimeout: 600_000 }
    const service = { policy: 'round-robin', client }
    const proxy = await startProxy({ services: { app: { ...service, endpoints: [one.url, two.url] } } })
    const read = async (services: object) => {
      const times = proxy.stdout().split('configuration read again').length
      writeFileSync(proxy.file, JSON.stringify({ services }))
      proxy.child.kill('SIGHUP')
      await until(() => proxy.stdout().split('configuration read again').length > times)
    }
    const both = async () => new Set([(await ask(proxy.port, '/')).body, (await ask(proxy.port, '/')).body])
    expect(await both()).toEqual(new Set(['1', '2']))
    expect([one.open.size, two.open.size]).toEqual([1, 1])
    await read({ app: { ...service, endpoints: [two.url] } })
    await until(() => one.open.size === 0)
    expect(two.open.size).toBe(1)
    await read({ app: { ...service, client: { ...client, headersTimeout: 5_000 }, endpoints: [two.url] } })
    await until(() => two.open.size === 0)
    expect(await both()).toEqual(new Set(['2']))
    await read({ other: { ...service, endpoints: [one.url] } })
    await until(() => two.open.size === 0)
    expect(await both()).toEqual(new Set(['1']))
  })
})

describe('fairlead proxy, redirects of an endpoint to itself', () => {
  it.each([
    ['', '/'],
    ['?a=b', '/?a=b'],
    ['#part', '/#part'],
    ['/next', '/next'],
    ['//other.example/', '/.//other.example/'],
    ['.other.example/', undefined],
  ])('by %j behind its origin lead to %j of the proxy, never to another host', async (rest, expected) => {
    const endpoint = await startEndpoint((request, response) => {
      response.writeHead(302, { location: `http://${request.headers.host}${rest}` }).end()
    })
    const { port } = await startProxy(alone(endpoint.url))
    const { headers } = await ask(port, '/')
    expect(headers.location).toBe(expected ?? `${endpoint.url}${rest}`)
  })
})
