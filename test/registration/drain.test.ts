/** How servers end: plain ones, Express's and Fastify's. Signals are emitted on `process` in this process, which does not exit. */
import { once } from 'node:events'
import { Agent, createServer, get, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { type Draining, type DrainOptions, drainOnSignal } from '../../lib/index.js'
import { until } from '../support/until.js'

const QUIET_MS = 200
const agent = new Agent({ keepAlive: true })
let drainings: Draining[] = []
let servers: { close(): unknown; closeAllConnections(): void }[] = []

afterEach(async () => {
  for (const draining of drainings) draining.cancel()
  drainings = []
  agent.destroy()
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
  servers = []
  expect(process.listenerCount('SIGUSR2')).toBe(0)
})

interface Answer {
  readonly status: number
  readonly connection: string | undefined
  readonly text: string
}

function ask(port: number, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, path, agent }, (response: IncomingMessage) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, connection: response.headers.connection, text }),
      )
    })
    request.on('error', reject)
  })
}

interface Started {
  readonly port: number
  readonly draining: Draining
  readonly order: string[]
  /** Lets the requests for `/held` go on. */
  release(): void
}

type Kind = 'plain' | 'Express' | 'Fastify'

async function start(kind: Kind, options: Partial<DrainOptions> = {}): Promise<Started> {
  const order: string[] = []
  let release = (): void => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const registration = {
    async remove() {
      order.push(`removed, ready: ${draining.isReady}`)
      return true
    },
  }
  const all = {
    registration,
    signals: ['SIGUSR2'],
    quietMs: QUIET_MS,
    timeoutMs: 10_000,
    exit: false,
  } as const
  const given = { ...all, ...options }
  let draining: Draining
  let http: Server
  if (kind === 'Fastify') {
    const { default: fastify } = await import('fastify')
    const app = fastify()
    app.get('/held', async () => {
      await held
      return 'held'
    })
    app.get('/started', (_, reply) => {
      reply.raw.write('begun ')
      void held.then(() => reply.raw.end('ended'))
    })
    app.get('/ready', (request, reply) => draining.handler(request.raw, reply.raw))
    app.addHook('onClose', async () => void order.push('app closed'))
    await app.listen({ port: 0, host: '127.0.0.1' })
    http = app.server
    draining = drainOnSignal(app, given)
  } else {
    const routes: Record<string, RequestListener> = {
      '/held': (_, response) => void held.then(() => response.end('held')),
      '/started': (_, response) => {
        response.write('begun ')
        void held.then(() => response.end('ended'))
      },
      '/ready': (request, response) => draining.handler(request, response),
    }
    if (kind === 'plain') {
      http = createServer((request, response) => routes[request.url ?? ''](request, response))
      http.listen(0, '127.0.0.1')
    } else {
      const express = ((await import('express' as string)) as { default: () => ExpressApp }).default
      const app = express()
      for (const [path, route] of Object.entries(routes)) app.get(path, route)
      http = app.listen(0, '127.0.0.1')
    }
    await once(http, 'listening')
    draining = drainOnSignal(http, given)
  }
  drainings.push(draining)
  servers.push(http)
  return { port: (http.address() as AddressInfo).port, draining, order, release }
}

interface ExpressApp {
  get(path: string, route: RequestListener): void
  listen(port: number, host: string): Server
}

const signal = (): boolean => process.emit('SIGUSR2')
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe.each<Kind>(['plain', 'Express', 'Fastify'])('%s', (kind) => {
  it('readiness off, registration removed, requests taken for a while, those in flight ended, then closed', async () => {
    const { port, draining, order, release } = await start(kind)
    expect(await ask(port, '/ready')).toEqual({ status: 200, connection: 'keep-alive', text: 'ready\n' })
    const held = ask(port, '/held')
    const started = ask(port, '/started')
    await sleep(50)
    signal()
    expect(draining.isReady).toBe(false)
    await until(() => order.length > 0)
    expect(order).toEqual(['removed, ready: false'])
    // Balancers may not have learnt of it yet.
    expect(await ask(port, '/ready')).toEqual({ status: 503, connection: 'close', text: 'draining\n' })
    await until(() =>
      ask(port, '/ready').then(
        () => false,
        () => true,
      ),
    )
    let isDone = false
    void draining.done.then(() => {
      isDone = true
    })
    await sleep(50)
    expect(isDone).toBe(false)
    release()
    expect(await held).toEqual({ status: 200, connection: 'close', text: 'held' })
    expect((await started).text).toBe('begun ended')
    expect(await draining.done).toEqual({ cutOff: 0 })
    if (kind === 'Fastify') expect(order).toContain('app closed')
  })

  it('what takes too long is cut off', async () => {
    const { port, draining } = await start(kind, { quietMs: 0, timeoutMs: 100 })
    const held = ask(port, '/held').catch((error) => error.code)
    await sleep(50)
    signal()
    expect(await draining.done).toEqual({ cutOff: 1 })
    expect(await held).toBe('ECONNRESET')
  })

  it('a second signal cuts off what is left, at once', async () => {
    const { port, draining } = await start(kind, { quietMs: 60_000, timeoutMs: 60_000 })
    const held = ask(port, '/held').catch((error) => error.code)
    await sleep(50)
    signal()
    signal()
    expect(await draining.done).toEqual({ cutOff: 1 })
    expect(await held).toBe('ECONNRESET')
  })
})

it('idle connections are closed, also those that became idle late', async () => {
  const { port, draining, release } = await start('plain', { quietMs: 0, timeoutMs: 5_000 })
  const server = servers[0] as unknown as Server
  server.keepAliveTimeout = 60_000
  await ask(port, '/ready')
  const started = ask(port, '/started')
  await sleep(50)
  signal()
  await sleep(50)
  release()
  await started
  expect(await draining.done).toEqual({ cutOff: 0 })
})

it('connections that have become something else are cut off as well', async () => {
  const { port, draining } = await start('plain', { quietMs: 0, timeoutMs: 100 })
  const server = servers[0] as unknown as Server
  server.on('upgrade', (_, socket) =>
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
  )
  const socket = connect(port, '127.0.0.1')
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n')
  await once(socket, 'data')
  const closed = once(socket, 'close')
  signal()
  await draining.done
  await closed
})

it('goes on where the registration cannot be removed', async () => {
  const remove = () => Promise.reject(new Error('no'))
  const { draining } = await start('plain', { registration: { remove }, quietMs: 0 })
  expect(await draining.drain()).toEqual({ cutOff: 0 })
})

it('does not wait for ever for a registration', async () => {
  const remove = () => new Promise<boolean>(() => {})
  const { draining } = await start('plain', { registration: { remove }, quietMs: 0 })
  signal()
  expect(await draining.done).toEqual({ cutOff: 0 })
})

it.each([
  [undefined, {}],
  [{}, {}],
  [() => {}, {}],
  [createServer(), { quietMs: -1 }],
  [createServer(), { timeoutMs: 'long' }],
])('refuses what it cannot drain', (server, options) => {
  expect(() => drainOnSignal(server as never, options as never)).toThrow(
    expect.objectContaining({ code: 'FAIRLEAD_ARGUMENT' }),
  )
})
