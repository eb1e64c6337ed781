import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer as createProxy } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { promisify } from 'node:util'
import {
  Agent,
  Dispatcher,
  EventSource,
  getGlobalDispatcher,
  interceptors,
  MockAgent,
  ProxyAgent,
  RetryAgent,
  request,
  setGlobalDispatcher,
  WebSocket,
} from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ArgumentError } from '../../lib/index.js'
import { answering, balancerOver, startEndpoints } from '../support/http-servers.js'
import { undici8 } from '../support/undici-generations.js'

/** The global dispatcher of the test; what was there before is put back. */
function setGlobal(dispatcher: Dispatcher): void {
  const before = getGlobalDispatcher()
  onTestFinished(() => setGlobalDispatcher(before))
  setGlobalDispatcher(dispatcher)
}

/** An Agent that writes down where it sends. */
function recordingAgent(): { agent: Agent; origins: string[] } {
  const origins: string[] = []
  class Recording extends Agent {
    override dispatch(options: Agent.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
      origins.push(String(options.origin))
      return super.dispatch(options, handler)
    }
  }
  const agent = new Recording()
  onTestFinished(() => agent.destroy())
  return { agent, origins }
}

const textAt = async (url: string, dispatcher?: Dispatcher): Promise<string> =>
  (await request(url, dispatcher === undefined ? {} : { dispatcher })).body.text()

describe('what names no service', () => {
  it('goes by the global dispatcher that was there when the dispatcher was made', async () => {
    const [a, elsewhere] = await startEndpoints(2)
    const { agent, origins } = recordingAgent()
    setGlobal(agent)
    const dispatcher = balancerOver([a]).dispatcher()
    setGlobalDispatcher(dispatcher)
    expect(await textAt(elsewhere.url)).toBe('b')
    expect(await textAt('http://users/')).toBe('a')
    expect(await (await fetch(elsewhere.url)).text()).toBe('b')
    expect(origins).toEqual([elsewhere.url, elsewhere.url])
  })

  it.each<[string, (dispatcher: Dispatcher) => Dispatcher]>([
    ['itself', (dispatcher) => dispatcher],
    ['composed', (dispatcher) => dispatcher.compose(interceptors.redirect(), interceptors.retry())],
    ['in a RetryAgent', (dispatcher) => new RetryAgent(dispatcher)],
  ])('is never sent back to the dispatcher: %s as the global one', async (_what, wrapped) => {
    const [a, b, elsewhere] = await startEndpoints(3)
    const first = balancerOver([a])
    setGlobal(wrapped(first.dispatcher()))
    expect(await textAt(elsewhere.url)).toBe('c')
    // Made while fairlead's own is the global one already: of the same balancer, and of another.
    expect(await textAt(elsewhere.url, first.dispatcher())).toBe('c')
    const second = balancerOver([b])
    setGlobalDispatcher(wrapped(second.dispatcher()))
    expect(await textAt(elsewhere.url)).toBe('c')
    expect(await textAt('http://users/')).toBe('b')
  })

  it('goes by the proxy that was set before', async () => {
    const [a, elsewhere] = await startEndpoints(2)
    const tunnels: string[] = []
    const proxy = createProxy()
    proxy.on('connect', (incoming, socket) => {
      tunnels.push(String(incoming.url))
      const [host, port] = String(incoming.url).split(':')
      const onward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 Connected\r\n\r\n'))
      onward.on('error', () => socket.destroy())
      socket.on('error', () => onward.destroy())
      socket.pipe(onward).pipe(socket)
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    onTestFinished(() => void proxy.close())
    const agent = new ProxyAgent(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)
    onTestFinished(() => agent.destroy())
    setGlobal(agent)
    setGlobalDispatcher(balancerOver([a]).dispatcher())
    expect(await textAt(elsewhere.url)).toBe('b')
    expect(await textAt('http://users/')).toBe('a')
    expect(tunnels).toEqual([elsewhere.host])
  })

  it("goes by Node's own global dispatcher, which knows the first generation of handlers alone", async () => {
    const [a, elsewhere] = await startEndpoints(2)
    // A process of its own: here undici has set the global dispatcher already.
    const program = `
      await fetch('${elsewhere.url}')
      const nodes = globalThis[Symbol.for('undici.globalDispatcher.1')]
      const { Balancer } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)})
      const undici = await import(${JSON.stringify(import.meta.resolve('undici'))})
      const dispatcher = new Balancer({ services: { users: { endpoints: ['${a.url}'] } } }).dispatcher()
      const texts = [await (await undici.request('${elsewhere.url}', { dispatcher })).body.text()]
      texts.push(await new Promise((resolve, reject) => dispatcher.dispatch({ origin: '${elsewhere.url}', path: '/', method: 'GET' }, {
        onRequestStart() {}, onResponseStart() {}, onResponseData: (_, chunk) => resolve(String(chunk)), onResponseEnd() {},
        onResponseError: (_, error) => reject(error),
      })))
      undici.setGlobalDispatcher(dispatcher)
      texts.push(await (await fetch('${elsewhere.url}')).text(), await (await fetch('http://users/')).text())
      console.log(JSON.stringify({ isNodes: !(nodes instanceof undici.Dispatcher), texts }))
      process.exit(0)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
    expect(JSON.parse(stdout)).toEqual({ isNodes: true, texts: ['b', 'b', 'b', 'a'] })
  })

  it('goes by an Agent of undici 8, which knows the second alone', async () => {
    const [a, elsewhere] = await startEndpoints(2)
    elsewhere.handle = (incoming, response) => {
      if (incoming.url === '/breaks') return incoming.socket.destroy()
      answering('b')(incoming, response)
    }
    const agent = new (undici8<typeof Agent>('dispatcher/agent'))()
    onTestFinished(() => agent.destroy())
    const dispatcher = balancerOver([a]).dispatcher({ passThrough: agent })
    const { body, headers } = await request(elsewhere.url, { dispatcher })
    expect([await body.text(), headers['x-endpoint']]).toEqual(['b', 'b'])
    expect(await (await fetch(elsewhere.url, { dispatcher } as never)).text()).toBe('b')
    await expect(textAt(`${elsewhere.url}/breaks`, dispatcher)).rejects.toMatchObject({
      code: 'UND_ERR_SOCKET',
    })
  })

  it('goes by `passThrough`, whose events and word of its queue come through', async () => {
    const [a, elsewhere] = await startEndpoints(2)
    elsewhere.handle = (incoming, response) => setTimeout(() => answering('b')(incoming, response), 20)
    const agent = new Agent({ connections: 1, pipelining: 1 })
    onTestFinished(() => agent.destroy())
    const dispatcher = balancerOver([a]).dispatcher({ passThrough: agent })
    expect(agent.listenerCount('drain')).toBe(0)
    const events: string[] = []
    for (const event of ['connect', 'disconnect', 'connectionError', 'drain'] as const)
      dispatcher.on(event as 'connect', (origin, targets) =>
        events.push(`${event} ${new URL(origin).host} ${targets[0] === dispatcher}`),
      )
    const silent = {
      onConnect() {},
      onHeaders: () => true,
      onData: () => true,
      onComplete() {},
      onError() {},
    }
    const drained = once(dispatcher, 'drain')
    const options = { origin: elsewhere.url, path: '/', method: 'GET' } as const
    const taken = [1, 2, 3].map(() => dispatcher.dispatch(options, silent as never))
    expect(taken).toContain(false)
    await drained
    expect(events.slice(0, 1)).toEqual([`connect ${elsewhere.host} true`])
    expect(events).toContain(`drain ${elsewhere.host} true`)
    await request('http://127.0.0.1:1/', { dispatcher }).catch(() => {})
    expect(events).toContain('connectionError 127.0.0.1:1 true')
    await dispatcher.close()
    expect(agent.listenerCount('connect')).toBe(0)
  })

  it('refuses a `passThrough` that is no dispatcher', async () => {
    const balancer = balancerOver(await startEndpoints(1))
    expect(() => balancer.dispatcher({ passThrough: {} as never })).toThrow(ArgumentError)
  })
})

interface Mocked {
  readonly isMockActive: boolean
}

describe('what undici asks of a dispatcher', () => {
  it('limits of messages: those of undici, of `passThrough`, or as configured', async () => {
    const balancer = balancerOver(await startEndpoints(1))
    const usual = new Agent() as unknown as Record<string, unknown>
    type Limits = { webSocketOptions: object; eventSourceOptions: object }
    const limits = (dispatcher: unknown) => {
      const { webSocketOptions, eventSourceOptions } = dispatcher as Limits
      return { ...webSocketOptions, ...eventSourceOptions }
    }
    expect(limits(balancer.dispatcher())).toEqual(limits(usual))
    const passThrough = new Agent({
      webSocket: { maxPayloadSize: 64 },
      eventSource: { maxEventSize: 99 },
    } as never)
    expect(limits(balancer.dispatcher({ passThrough }))).toMatchObject({
      maxPayloadSize: 64,
      maxEventSize: 99,
    })
    const own = balancer.dispatcher({ passThrough, webSocket: { maxPayloadSize: 65 } })
    expect(limits(own)).toMatchObject({ maxPayloadSize: 65, maxEventSize: 99 })
    // A dispatcher that says nothing of itself.
    class Silent extends Dispatcher {}
    expect(limits(balancer.dispatcher({ passThrough: new Silent() }))).toEqual(limits(usual))
  })

  it.each([
    [64, 65, 'closed'],
    [65, 65, 'message of 65'],
  ])('a WebSocket with a limit of %i bytes and a message of %i: %s', async (limit, size, expected) => {
    const proxy = createProxy()
    proxy.on('upgrade', (incoming, socket) => {
      const key = `${incoming.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
      const accept = createHash('sha1').update(key).digest('base64')
      socket.on('error', () => {})
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
      )
      socket.write(Buffer.concat([Buffer.from([0x81, size]), Buffer.alloc(size, 'x')]))
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    onTestFinished(() => void proxy.close())
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`
    const dispatcher = balancerOver([{ name: 'a', url } as never]).dispatcher({
      webSocket: { maxPayloadSize: limit },
    })
    const socket = new WebSocket('ws://users/', { dispatcher })
    const seen = await new Promise<string>((resolve) => {
      socket.addEventListener('message', ({ data }) => resolve(`message of ${String(data).length}`))
      socket.addEventListener('close', () => resolve('closed'))
    })
    expect(seen).toBe(expected)
    socket.close()
  })

  it('an EventSource reads events of a service', async () => {
    const [a] = await startEndpoints(1)
    a.handle = (_incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write('data: hello\n\n')
    }
    const source = new EventSource('http://users/', {
      node: { dispatcher: balancerOver([a]).dispatcher() },
    } as never)
    const data = await new Promise((resolve) => {
      source.addEventListener('message', (event: unknown) => resolve((event as { data: string }).data))
    })
    source.close()
    expect(data).toBe('hello')
  })

  it('`isMockActive` of a MockAgent: what passes through is mocked, bodies of fetch included', async () => {
    const [a] = await startEndpoints(1)
    const mock = new MockAgent()
    mock.disableNetConnect()
    mock.get('http://other.test').intercept({ path: '/', method: 'POST', body: 'asked' }).reply(200, 'mocked')
    const balancer = balancerOver([a])
    const dispatcher = balancer.dispatcher({ passThrough: mock })
    expect((dispatcher as unknown as Mocked).isMockActive).toBe(true)
    const response = await fetch('http://other.test/', { method: 'POST', body: 'asked', dispatcher } as never)
    expect(await response.text()).toBe('mocked')
    expect(await (await fetch('http://users/', { dispatcher } as never)).text()).toBe('a')
    mock.deactivate()
    expect((dispatcher as unknown as Mocked).isMockActive).toBe(false)
    expect((balancer.dispatcher() as unknown as Mocked).isMockActive).toBe(false)
  })

  it('`stats`, by endpoint', async () => {
    const [a] = await startEndpoints(1)
    const dispatcher = balancerOver([a]).dispatcher()
    expect(await textAt('http://users/', dispatcher)).toBe('a')
    expect(dispatcher).toMatchObject({ stats: { [a.url]: { connected: 1, running: 0 } } })
  })

  it('`closed` and `destroyed`, as undici means them; the balancer runs on', async () => {
    const [a] = await startEndpoints(1)
    let release: () => void = () => {}
    a.handle = (incoming, response) => {
      if (incoming.url === '/held') release = () => response.end('held')
      else response.end('a')
    }
    const balancer = balancerOver([a])
    const dispatcher = balancer.dispatcher()
    expect(dispatcher).toMatchObject({ closed: false, destroyed: false })
    const held = textAt('http://users/held', dispatcher)
    await expect.poll(() => a.requests).toBe(1)
    const closed = dispatcher.close()
    expect(dispatcher).toMatchObject({ closed: true, destroyed: false })
    await expect(textAt('http://users/', dispatcher)).rejects.toMatchObject({ code: 'UND_ERR_CLOSED' })
    release()
    expect(await held).toBe('held')
    await closed
    expect(dispatcher).toMatchObject({ closed: true, destroyed: true })
    await expect(textAt('http://users/', dispatcher)).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' })

    const other = balancer.dispatcher()
    const lost = textAt('http://users/held', other)
    await expect.poll(() => a.requests).toBe(2)
    void other.destroy()
    await expect(lost).rejects.toMatchObject({ code: 'UND_ERR_DESTROYED' })
    expect(await (await balancer.fetch('http://users/')).text()).toBe('a')
    expect(balancer.stats().services.users).toMatchObject({ failed: 0, inFlight: 0 })
  })
})
