/** The proxy's server in this process, over a real balancer and real endpoints, and clients that speak byte for byte. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { openConnections } from '../../../lib/cli/proxy/endpoint-connections.js'
import type { Listen } from '../../../lib/cli/proxy/listen.js'
import { ProxyServer } from '../../../lib/cli/proxy/server.js'
import { Balancer } from '../../../lib/clients/balancer.js'
import type { BalancedDispatcher } from '../../../lib/clients/dispatcher.js'
import type { ServiceConfig } from '../../../lib/model/index.js'
import { until } from '../../support/until.js'

/** Without any time-out. */
export const LISTEN: Listen = {
  host: '127.0.0.1',
  port: 0,
  trustForwarded: false,
  headersTimeoutMs: 0,
  bodyTimeoutMs: 0,
  idleTimeoutMs: 0,
  sendTimeoutMs: 0,
  drainMs: 0,
}

/** An endpoint in this process, closed when the test ends. */
export async function startEndpoint(listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer({ requestTimeout: 0 }, listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

/** A proxy for the service `app`; requests to `/none` have no route. */
export async function startServer(
  url: string,
  { listen = {} as Partial<Listen>, service = {} as Partial<ServiceConfig>, passesHost = false } = {},
) {
  const balancer = new Balancer(
    { services: { app: { endpoints: [url], retry: false, outlier: false, ...service } }, seed: 1 },
    undefined,
    openConnections,
  )
  const failures: string[] = []
  const timeouts: string[] = []
  const server = new ProxyServer({
    route: (_authority, path) => (path === '/none' ? undefined : 'app'),
    passesHost: () => passesHost,
    dispatcher: balancer.dispatcher() as BalancedDispatcher,
    listen: { ...LISTEN, ...listen },
    onFailure: ({ status, code }) => failures.push(`${status} ${code}`),
    onTimeout: (kind, failure) => timeouts.push(failure === undefined ? kind : `${kind} ${failure.code}`),
  })
  await balancer.start()
  const { port } = await server.listen(0, '127.0.0.1')
  onTestFinished(async () => {
    await server.close(0)
    await balancer.stop({ drainMs: 0 })
  })
  return { server, balancer, port, failures, timeouts }
}

export class Client {
  readonly socket: Socket
  text = ''
  /** The proxy has ended its side. */
  ended = false
  closed = false

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    this.socket.setEncoding('latin1').on('data', (chunk: string) => {
      this.text += chunk
    })
    this.socket.on('error', () => {})
    this.socket.on('end', () => {
      this.ended = true
    })
    this.socket.on('close', () => {
      this.closed = true
    })
    onTestFinished(() => void this.socket.destroy())
  }

  send(text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Waits until the text holds it. */
  async got(what: string | RegExp): Promise<string> {
    await until(() => (typeof what === 'string' ? this.text.includes(what) : what.test(this.text)))
    return this.text
  }

  /** Waits for the end of the connection: all that came. */
  async all(): Promise<string> {
    await until(() => this.ended || this.closed)
    return this.text
  }
}

/** Sends `text` on a connection of its own. */
export const say = (port: number, text: string): Client => new Client(port).send(text)

export const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nhost: x\r\n${fields}\r\n`
