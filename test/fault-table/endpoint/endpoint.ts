/**
 * An endpoint: a listener that accepts connections (the fault injector) before a real server of Node's own. A fault may
 * take a connection before the server sees it, or a request after the server has read it.
 */
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createSecureServer, type Http2Session } from 'node:http2'
import { createServer as createHttpsServer } from 'node:https'
import { createServer, type Server, type Socket } from 'node:net'
import { type Certificate, serverIdentity } from '../certificates.js'
import type { Protocol } from '../row.js'
import { Exchange } from './exchange.js'
import type { Fault } from './fault.js'
import { RequestLog } from './request-log.js'

/** Longer than a row: idle connections of a healthy endpoint end by the client's wish only. */
const IDLE_MS = 300_000
const HOST = '127.0.0.1'

export interface EndpointOptions {
  readonly name: string
  readonly port: number
  readonly protocol: Protocol
  readonly closing: boolean
  /** Path of its request log. */
  readonly log: string
}

/** What the three kinds of servers have in common here. */
interface WebServer {
  emit(event: 'connection', socket: Socket): boolean
  on(event: string, listener: (...given: never[]) => void): unknown
  setSecureContext?(identity: { cert: string; key: string }): void
}

export class Endpoint {
  readonly port: number
  readonly #log: RequestLog
  readonly #server: WebServer
  readonly #sockets = new Set<Socket>()
  readonly #fault: Fault
  #faulty = false
  #listener: Server | undefined

  constructor(options: EndpointOptions, fault: Fault) {
    this.port = options.port
    this.#log = new RequestLog(options.log)
    this.#server = createWebServer(options.protocol, (request, response) =>
      this.#serve(new Exchange(request, response, options.name, options.closing)),
    )
    // TLS handshakes and requests that a fault, or the client, has cut.
    for (const event of ['tlsClientError', 'clientError', 'sessionError'])
      this.#server.on(event, (_error: Error, socket?: Socket) => void socket?.destroy?.())
    this.#server.on('session', (session: Http2Session) => {
      session.on('error', () => {})
      if (this.#faulty) this.#fault.session?.(session)
    })
    this.#fault = fault
  }

  async switchOn(): Promise<void> {
    this.#faulty = true
    await this.#fault.begin?.(this)
  }

  async switchOff(): Promise<void> {
    await this.#fault.end?.(this)
    this.#faulty = false
  }

  listen(): Promise<void> {
    const listener = createServer((socket) => this.#accept(socket))
    this.#listener = listener
    return new Promise((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(this.port, HOST, resolve)
    })
  }

  /** Accepts no connection any more; those that stand stay. */
  stopListening(): void {
    this.#listener?.close()
    this.#listener = undefined
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  /** Serves a connection as a healthy endpoint does. */
  serve(socket: Socket): void {
    this.#server.emit('connection', socket)
  }

  /** For handshakes from now on. */
  present(certificate: Certificate): void {
    this.#server.setSecureContext?.(serverIdentity(certificate))
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {})
    if (this.#faulty && this.#fault.connection !== undefined) this.#fault.connection(socket, this)
    else this.serve(socket)
  }

  #serve(exchange: Exchange): void {
    const fault = this.#faulty ? this.#fault : undefined
    const { method, id } = exchange
    this.#log.add({ fate: fault?.refuses?.(exchange) ? 'refused' : 'read', method, id })
    if (fault?.request === undefined) exchange.answer()
    else fault.request(exchange, this)
  }
}

function createWebServer(
  protocol: Protocol,
  serve: (...given: Parameters<RequestListener>) => void,
): WebServer {
  if (protocol === 'http/2')
    return createSecureServer({ ...serverIdentity('good'), allowHTTP1: true }, serve as never) as WebServer
  const server =
    protocol === 'tls' ? createHttpsServer(serverIdentity('good'), serve) : createHttpServer(serve)
  server.keepAliveTimeout = IDLE_MS
  return server as WebServer
}
