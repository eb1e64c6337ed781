/** fairlead's own connections over HTTP/1.1: which one is used, how many there are, how long they live. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Agent, type Dispatcher, request, upgrade } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Balancer } from '../../lib/index.js'
import type { ConnectionCounts } from '../../lib/model/index.js'
import { serve } from '../support/health-servers.js'
import { answering, balancerOver, startEndpoints, type TestEndpoint } from '../support/http-servers.js'

const NONE: ConnectionCounts = { open: 0, idle: 0, connecting: 0, waiting: 0 }

const countsOf = (balancer: Balancer, id = 'a'): ConnectionCounts =>
  balancer.stats().services.users.endpoints[id].connections

/** Requests that an endpoint holds until it is told to answer. */
class Held {
  /** In the order in which they came. */
  readonly paths: string[] = []
  /** Those that are not answered yet. */
  readonly #open: { path: string; response: ServerResponse; socket: Socket }[] = []
  /** The most that were held at a time. */
  most = 0

  constructor(endpoint: TestEndpoint) {
    endpoint.handle = (incoming: IncomingMessage, response: ServerResponse) => {
      const path = incoming.url as string
      this.paths.push(path)
      const held = { path, response, socket: incoming.socket }
      this.#open.push(held)
      response.on('close', () => {
        if (this.#open.includes(held)) this.#open.splice(this.#open.indexOf(held), 1)
      })
      this.most = Math.max(this.most, this.#open.length)
    }
  }

  async until(count: number): Promise<void> {
    await expect.poll(() => this.#open.length, { timeout: 5_000 }).toBe(count)
  }

  /** Answers the one that came first, and returns its socket. */
  answer(): Socket {
    const { response, socket } = this.#open.shift() as { response: ServerResponse; socket: Socket }
    response.end('answered')
    return socket
  }
}

const get = async (dispatcher: Dispatcher, path: string, signal?: AbortSignal): Promise<string> => {
  const { body } = await request(`http://users${path}`, { dispatcher, signal })
  return body.text()
}

describe('a connection', () => {
  it('is the one that was used last; the others close when they were idle for keepAliveTimeout', async () => {
    const [a] = await startEndpoints(1)
    const held = new Held(a)
    const balancer = balancerOver([a], { client: { keepAliveTimeout: 300 } })
    const dispatcher = balancer.dispatcher()
    const answers = ['/0', '/1', '/2', '/3'].map((path) => get(dispatcher, path))
    await held.until(4)
    expect(countsOf(balancer)).toEqual({ open: 4, idle: 0, connecting: 0, waiting: 0 })
    const closed: number[] = []
    const sockets: Socket[] = []
    for (const answer of answers) {
      const number = sockets.length
      const socket = held.answer()
      sockets.push(socket)
      socket.on('close', () => closed.push(number))
      await answer
      // So that their time-outs do not end at one time.
      await sleep(20)
    }
    expect(countsOf(balancer)).toEqual({ open: 4, idle: 4, connecting: 0, waiting: 0 })
    // One request after another keeps the last one warm.
    const seen = new Set<Socket>()
    a.handle = (incoming, response) => {
      seen.add(incoming.socket)
      answering('a')(incoming, response)
    }
    for (const end = performance.now() + 4_000; closed.length < 3 && performance.now() < end; ) {
      await get(dispatcher, '/')
      await sleep(10)
    }
    expect([...closed].sort()).toEqual([0, 1, 2])
    expect([...seen]).toEqual([sockets[3]])
    expect(countsOf(balancer)).toEqual({ open: 1, idle: 1, connecting: 0, waiting: 0 })
    await expect.poll(() => closed[3], { timeout: 5_000 }).toBe(3)
    await expect.poll(() => countsOf(balancer)).toEqual(NONE)
  })

  it('that was lost is not used again', async () => {
    const [a] = await startEndpoints(1)
    const held = new Held(a)
    const balancer = balancerOver([a], { retry: false })
    const dispatcher = balancer.dispatcher()
    const lost = get(dispatcher, '/lost')
    await held.until(1)
    const cut = a.connections
    a.handle = (incoming) => void incoming.socket.destroy()
    await expect(get(dispatcher, '/cut')).rejects.toThrow()
    expect(cut).toBe(1)
    await expect.poll(() => countsOf(balancer)).toEqual({ open: 1, idle: 0, connecting: 0, waiting: 0 })
    a.handle = answering('a')
    expect(await get(dispatcher, '/')).toBe('a')
    held.answer()
    expect(await lost).toBe('answered')
    expect(countsOf(balancer)).toMatchObject({ open: 2, idle: 2 })
  })

  it('that could not be opened leaves nothing behind', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { outlier: false })
    const dispatcher = balancer.dispatcher()
    await a.kill()
    const failures = await Promise.all(
      [1, 2, 3].map(() => get(dispatcher, '/').catch((error: unknown) => error)),
    )
    for (const failure of failures) expect(failure).toMatchObject({ code: 'ECONNREFUSED' })
    await expect.poll(() => countsOf(balancer)).toEqual(NONE)
    await a.start()
    expect(await get(dispatcher, '/')).toBe('a')
    expect(countsOf(balancer)).toEqual({ open: 1, idle: 1, connecting: 0, waiting: 0 })
  })

  it('that the endpoint closes after its answer is not counted on', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (_incoming, response) => void response.writeHead(200, { connection: 'close' }).end('bye')
    const balancer = balancerOver([a], { client: { connections: 1 } })
    const dispatcher = balancer.dispatcher()
    const paths = Array.from({ length: 20 }, (_, i) => `/${i}`)
    const answers = await Promise.all(paths.map((path) => get(dispatcher, path)))
    expect(answers).toEqual(paths.map(() => 'bye'))
    expect(balancer.stats().services.users).toMatchObject({ succeeded: 20, failed: 0, retried: 0 })
    await expect.poll(() => countsOf(balancer)).toEqual(NONE)
  })

  it('whose endpoint sends more than its answer gives that to nobody', async () => {
    const poison = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison'
    const server = createServer((socket) => {
      socket.on('error', () => {})
      socket.on('data', () => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok${poison}`))
    })
    const { port, accepted } = await serve(server)
    const balancer = balancerOver([{ name: 'a', url: `http://127.0.0.1:${port}` } as TestEndpoint])
    const dispatcher = balancer.dispatcher()
    // Each is sent as soon as the one before it is answered, from within its last callback.
    const bodies = await new Promise<string[]>((resolve, reject) => {
      const answers: string[] = []
      const next = (): void => {
        let text = ''
        const handler = {
          onConnect() {},
          onHeaders: () => true,
          onData(chunk: Buffer) {
            text += chunk
            return true
          },
          onComplete() {
            answers.push(text)
            if (answers.length < 10) next()
            else resolve(answers)
          },
          onError: reject,
        }
        dispatcher.dispatch({ origin: 'http://users', path: '/', method: 'GET' }, handler as never)
      }
      next()
    })
    expect(bodies).toEqual(Array(10).fill('ok'))
    expect(accepted()).toBe(10)
  })

  it('that was upgraded is no longer counted', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { client: { connections: 1 } })
    const dispatcher = balancer.dispatcher()
    const { socket } = await upgrade('http://users/', { dispatcher })
    onTestFinished(() => void socket.destroy())
    expect(countsOf(balancer)).toEqual(NONE)
    expect(await get(dispatcher, '/')).toBe('a')
    expect(countsOf(balancer)).toMatchObject({ open: 1 })
  })
})

describe('client.maxConnectionAgeMs', () => {
  it('replaces a connection that is too old, and cuts off nothing', async () => {
    const [a] = await startEndpoints(1)
    const sockets = new Set<Socket>()
    a.handle = (incoming, response) => {
      sockets.add(incoming.socket)
      setTimeout(() => answering('a')(incoming, response), incoming.url === '/slow' ? 500 : 0)
    }
    const balancer = balancerOver([a], { client: { maxConnectionAgeMs: 200 } })
    const dispatcher = balancer.dispatcher()
    // Older than its age when it is answered.
    expect(await get(dispatcher, '/slow')).toBe('a')
    await expect.poll(() => a.connections).toBe(0)
    expect(await get(dispatcher, '/')).toBe('a')
    expect(sockets.size).toBe(2)
    await expect.poll(() => countsOf(balancer).open).toBe(1)
    await sleep(300)
    // Older than its age when it is asked for.
    expect(await get(dispatcher, '/')).toBe('a')
    expect(sockets.size).toBe(3)
    await expect.poll(() => a.connections).toBe(1)
    expect(balancer.stats().services.users).toMatchObject({ succeeded: 3, failed: 0 })
  })

  it('is off unless it is set', async () => {
    const [a] = await startEndpoints(1)
    const sockets = new Set<Socket>()
    a.handle = (incoming, response) => {
      sockets.add(incoming.socket)
      answering('a')(incoming, response)
    }
    const dispatcher = balancerOver([a]).dispatcher()
    for (let i = 0; i < 5; i++) {
      await get(dispatcher, '/')
      await sleep(60)
    }
    expect(sockets.size).toBe(1)
  })
})

describe('client.connections', () => {
  it('is never exceeded; who waits is served in the order of coming', async () => {
    const [a] = await startEndpoints(1)
    const held = new Held(a)
    const balancer = balancerOver([a], { client: { connections: 2 } })
    const dispatcher = balancer.dispatcher()
    const paths = Array.from({ length: 12 }, (_, i) => `/${i}`)
    const answers = paths.map((path) => get(dispatcher, path))
    await held.until(2)
    expect(countsOf(balancer)).toEqual({ open: 2, idle: 0, connecting: 0, waiting: 10 })
    for (let i = 0; i < 12; i++) {
      await held.until(Math.min(2, 12 - i))
      held.answer()
    }
    await Promise.all(answers)
    expect(held.paths.slice(2)).toEqual(paths.slice(2))
    expect([held.most, a.connections]).toEqual([2, 2])
    expect(countsOf(balancer)).toEqual({ open: 2, idle: 2, connecting: 0, waiting: 0 })
  })

  it('lets a caller who gives up leave the line at once, as undici tells it; the endpoint is not asked, nor blamed', async () => {
    const [a] = await startEndpoints(1)
    const held = new Held(a)
    const balancer = balancerOver([a], { client: { connections: 1 } })
    const dispatcher = balancer.dispatcher()
    const first = get(dispatcher, '/first')
    await held.until(1)
    const caller = new AbortController()
    const left = get(dispatcher, '/left', caller.signal).catch((error: unknown) => error)
    const last = get(dispatcher, '/last')
    expect(countsOf(balancer).waiting).toBe(2)
    caller.abort()
    const failure = await left
    const agent = new Agent()
    onTestFinished(() => agent.destroy())
    const aborted = AbortSignal.abort()
    const usual = await request(a.url, { dispatcher: agent, signal: aborted }).catch(
      (error: unknown) => error,
    )
    expect(failure).toBeInstanceOf((usual as Error).constructor)
    expect(failure).toMatchObject({ name: (usual as Error).name, code: (usual as { code: unknown }).code })
    expect(countsOf(balancer).waiting).toBe(1)
    expect(balancer.stats().services.users).toMatchObject({ cancelled: 1, failed: 0 })
    held.answer()
    await held.until(1)
    held.answer()
    await Promise.all([first, last])
    expect(held.paths).toEqual(['/first', '/last'])
  })

  it('makes a wait that is no latency, whether it ends with an answer or not', async () => {
    const [a] = await startEndpoints(1)
    const balancer = balancerOver([a], { client: { connections: 1 } })
    const dispatcher = balancer.dispatcher()
    await get(dispatcher, '/')
    // Answered at once, so that nothing is silent meanwhile; its body takes the connection.
    a.handle = (incoming, response) => {
      if (incoming.url === '/body') response.write('begun')
      setTimeout(() => response.end(), incoming.url === '/body' ? 800 : 0)
    }
    const { body } = await request('http://users/body', { dispatcher })
    const caller = new AbortController()
    const left = get(dispatcher, '/left', caller.signal).catch(() => {})
    const served = get(dispatcher, '/served')
    await sleep(400)
    caller.abort()
    await left
    await body.text()
    await served
    const { averageLatencyMs, latencyMs } = balancer.stats().services.users.endpoints['a']
    expect(latencyMs.count).toBe(3)
    expect(latencyMs.p999).toBeLessThan(300)
    expect(averageLatencyMs).toBeLessThan(300)
  })

  it('makes a wait that perTryTimeoutMs ends: the request goes elsewhere, and the endpoint is not blamed', async () => {
    const [a, b] = await startEndpoints(2)
    const balancer = balancerOver([a, b], {
      client: { connections: 1 },
      retry: { perTryTimeoutMs: 300 },
      outlier: { consecutiveLocalOrigin: 1 },
    })
    const ejected: string[] = []
    balancer.on('endpoint', ({ type, reason }) => type === 'ejected' && ejected.push(reason))
    const dispatcher = balancer.dispatcher()
    const users = balancer.service('users')
    users.set('b', { state: 'drain' })
    // Its body takes the connection, and is no try that lasts too long.
    a.handle = (_incoming, response) => {
      response.write('begun')
      setTimeout(() => response.end(), 1_500)
    }
    const long = await request('http://users/long', { dispatcher })
    const waiting = ['/0', '/1', '/2'].map((path) => get(dispatcher, path))
    expect(countsOf(balancer)).toMatchObject({ open: 1, waiting: 3 })
    users.set('b', { state: 'ready' })
    expect(await Promise.all(waiting)).toEqual(['b', 'b', 'b'])
    await long.body.text()
    expect(a.requests).toBe(1)
    const { endpoints, retried } = balancer.stats().services.users
    expect(endpoints['a']).toMatchObject({ succeeded: 1, failed: 0, cancelled: 3 })
    expect([retried, ejected]).toEqual([3, []])
  })

  it('makes a wait that is not part of the time for a try', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (incoming, response) => void setTimeout(() => answering('a')(incoming, response), 500)
    const balancer = balancerOver([a], { client: { connections: 1 }, retry: { perTryTimeoutMs: 900 } })
    const dispatcher = balancer.dispatcher()
    // The second one has its answer after 1,000 ms, 500 of which it waited.
    expect(await Promise.all([get(dispatcher, '/0'), get(dispatcher, '/1')])).toEqual(['a', 'a'])
    expect(balancer.stats().services.users).toMatchObject({ succeeded: 2, failed: 0, retried: 0 })
  })

  it('keeps those that wait when new options come, and when the endpoint leaves', async () => {
    const [a] = await startEndpoints(1)
    const held = new Held(a)
    const service = { endpoints: [{ id: 'a', url: a.url }] }
    const balancer = balancerOver([a], { client: { connections: 1 } })
    const dispatcher = balancer.dispatcher()
    const old = ['/0', '/1', '/2'].map((path) => get(dispatcher, path))
    await held.until(1)
    await balancer.update({ services: { users: { ...service, client: { connections: 2 } } } })
    const fresh = ['/3', '/4', '/5'].map((path) => get(dispatcher, path))
    await held.until(3)
    expect(countsOf(balancer)).toEqual({ open: 2, idle: 0, connecting: 0, waiting: 1 })
    balancer.service('users').remove('a')
    for (let i = 0; i < 6; i++) {
      await expect.poll(() => held.paths.length - i).toBeGreaterThan(0)
      held.answer()
    }
    await Promise.all([...old, ...fresh])
    expect([...held.paths].sort()).toEqual(['/0', '/1', '/2', '/3', '/4', '/5'])
    await expect.poll(() => a.connections).toBe(0)
  })

  it('fails those that wait when the balancer stops', async () => {
    const [a] = await startEndpoints(1)
    const held = new Held(a)
    const balancer = balancerOver([a], { client: { connections: 1 } })
    const dispatcher = balancer.dispatcher()
    const failures = ['/0', '/1'].map((path) => get(dispatcher, path).catch((error: unknown) => error))
    await held.until(1)
    await balancer.stop({ drainMs: 0 })
    for (const failure of failures) expect(await failure).toMatchObject({ code: 'UND_ERR_DESTROYED' })
    expect(held.paths).toEqual(['/0'])
  })
})
