/** The HTTP/1.1 server of the proxy. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import { deadlineFrom } from '../../clients/deadline.js'
import type { BalancedDispatcher } from '../../clients/dispatcher.js'
import { ArgumentError } from '../../errors.js'
import { ClientConnection } from './connection.js'
import { Exchange, type ExchangeOptions } from './exchange.js'
import {
  answerFailure,
  type Failure,
  NO_ROUTE,
  NO_TUNNELS,
  OLD_CODING,
  UNKNOWN_CODING,
  UNKNOWN_EXPECTATION,
  UPGRADE_WITH_BODY,
} from './failure.js'
import { forwardingFields, TrustedProxies } from './forwarded.js'
import { authority, requestHeaders } from './headers.js'
import { endConnectionAfter } from './last-answer.js'
import type { Listen } from './listen.js'
import { asksForHttp2, serveWithoutUpgrade } from './plain-http.js'
import { framingOf, RequestBody } from './request-body.js'
import { isFailure, targetOf } from './target.js'

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this machine does not have the address',
  EACCES: 'this user may not use the port',
  ENOTFOUND: 'the host name is not known',
}
/** A client that has vanished without a word is noticed by TCP itself, after this and the kernel's own patience. */
const TCP_KEEP_ALIVE_MS = 60_000
/** Time-outs are looked for so many times in the shortest of them, within bounds. */
const CHECKS_IN_A_TIMEOUT = 8
const MIN_CHECK_MS = 20
const MAX_CHECK_MS = 2000

export type TimeoutKind = 'headers' | 'body' | 'idle' | 'send'

export interface ProxyServerOptions {
  /** Which service a request is for. */
  readonly route: (authority: string, path: string) => string | undefined
  /** Whether a service wants the client's own Host field: `client.host: 'request'`. */
  readonly passesHost: (service: string) => boolean
  readonly dispatcher: BalancedDispatcher
  readonly listen: Listen
  readonly onFailure: (failure: Failure, error: Error) => void
  /** Told of each time-out of a client. */
  readonly onTimeout: (kind: TimeoutKind, failure?: Failure) => void
}

export class ProxyServer {
  readonly #options: ProxyServerOptions
  readonly #server: Server
  readonly #trusted: TrustedProxies
  readonly #connections = new Map<Socket, ClientConnection>()
  readonly #checkMs: number
  #checks: NodeJS.Timeout | undefined

  constructor(options: ProxyServerOptions) {
    this.#options = options
    const { listen } = options
    this.#trusted = new TrustedProxies(listen)
    const limits = [listen.headersTimeoutMs, listen.bodyTimeoutMs, listen.sendTimeoutMs].filter(
      (ms) => ms > 0,
    )
    const often = Math.ceil(Math.min(...limits) / CHECKS_IN_A_TIMEOUT)
    this.#checkMs = Math.min(Math.max(often, MIN_CHECK_MS), MAX_CHECK_MS)
    this.#server = createServer({
      // An upload may take as long as it takes, if only it goes on.
      requestTimeout: 0,
      headersTimeout: listen.headersTimeoutMs,
      connectionsCheckingInterval: this.#checkMs,
      keepAliveTimeout: listen.idleTimeoutMs,
      keepAlive: true,
      keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
      // Answered here, in its turn.
      requireHostHeader: false,
    })
    // Node drops fields beyond its limit without a word; here too many are refused, and their size is bounded anyway.
    this.#server.maxHeadersCount = 0
    this.#listen()
  }

  /** @throws ArgumentError where that is not possible */
  listen(port: number, host: string): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      const fail = ({ code = '', message }: NodeJS.ErrnoException): void => {
        reject(
          new ArgumentError(`cannot listen on ${authority(host, port)}: ${LISTEN_FAULTS[code] ?? message}`),
        )
      }
      this.#server.once('error', fail)
      this.#server.listen(port, host, () => {
        this.#server.off('error', fail)
        // Out of file descriptors, say: the connection is lost, the server goes on.
        this.#server.on('error', () => {})
        this.#checks = setInterval(() => this.#check(), this.#checkMs)
        resolve(this.#server.address() as AddressInfo)
      })
    })
  }

  /**
   * Takes no new connections and requests, and closes at once what no request is under way on; resolves when those in
   * flight have ended, or after `drainMs`, when they are cut off.
   */
  close(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cut = setTimeout(() => {
        for (const socket of this.#connections.keys()) socket.destroy()
      }, drainMs)
      this.#server.close(() => {
        clearTimeout(cut)
        clearInterval(this.#checks)
        resolve()
      })
      for (const connection of this.#connections.values()) connection.close()
    })
  }

  #listen(): void {
    const server = this.#server
    const { listen, onTimeout } = this.#options
    server.on('connection', (socket) => {
      // One whose upgrade was passed over comes a second time.
      if (this.#connections.has(socket)) return
      const peer = this.#trusted.peer(socket.remoteAddress)
      const timedOut = (failure: Failure): void => onTimeout(KINDS[failure.code], failure)
      this.#connections.set(socket, new ClientConnection(socket, peer, timedOut))
      socket.once('close', () => this.#connections.delete(socket))
    })
    server.on('request', (request, response) => this.#add(request, response))
    server.on('checkContinue', (request, response) => this.#add(request, response))
    server.on('checkExpectation', (request, response) => this.#add(request, response, UNKNOWN_EXPECTATION))
    server.on('upgrade', (request, socket, head) => this.#addUpgrade(request, socket as Socket, head))
    server.on('connect', (request, socket, head) =>
      this.#addUpgrade(request, socket as Socket, head, NO_TUNNELS),
    )
    server.on('clientError', (error, socket) => {
      const connection = this.#connections.get(socket as Socket)
      if (connection === undefined) socket.destroy()
      else connection.parseFailed(error)
    })
    server.on('timeout', (socket) => {
      if (listen.idleTimeoutMs === 0 || this.#connections.get(socket)?.isIdle !== true) return
      onTimeout('idle')
      socket.destroy()
    })
  }

  #check(): void {
    const { bodyTimeoutMs, sendTimeoutMs } = this.#options.listen
    const timeouts = { bodyMs: bodyTimeoutMs, sendMs: sendTimeoutMs }
    const nowMs = performance.now()
    for (const connection of this.#connections.values()) connection.check(nowMs, timeouts)
  }

  #add(request: IncomingMessage, response: ServerResponse, refusal?: Failure): void {
    const connection = this.#connections.get(request.socket)
    connection?.add(request, response, () => this.#serve(connection, request, response, refusal))
  }

  #addUpgrade(request: IncomingMessage, socket: Socket, head: Buffer, refusal?: Failure): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined) return void socket.destroy()
    connection.addUpgrade(request, head, () => {
      // A tunnel for HTTP/2 would take requests to the endpoint that no route has let through.
      if (refusal === undefined && asksForHttp2(request)) {
        connection.passOver()
        serveWithoutUpgrade(this.#server, request, socket, Buffer.concat(connection.takeBack()))
        return undefined
      }
      const response = new ServerResponse(request)
      connection.answerUpgradeWith(response)
      const withBody = framingOf(request) === 'none' ? undefined : UPGRADE_WITH_BODY
      return this.#serve(connection, request, response, refusal ?? withBody, true)
    })
  }

  #serve(
    connection: ClientConnection,
    request: IncomingMessage,
    response: ServerResponse,
    refusal: Failure | undefined,
    upgrade = false,
  ): Exchange | undefined {
    if (refusal !== undefined) {
      if (!request.complete) endConnectionAfter(response)
      return void answerFailure(response, refusal)
    }
    const { route, dispatcher, onFailure } = this.#options
    const target = targetOf(request)
    if (isFailure(target)) return void refuse(response, target)
    const framing = framingOf(request)
    if (framing === 'unknown-coding') return void refuse(response, UNKNOWN_CODING)
    if (framing === 'old-coding') return void refuse(response, OLD_CODING)
    const service = route(target.authority, target.path)
    if (service === undefined) return void answerFailure(response, NO_ROUTE)
    const { peer } = connection
    const chain = this.#trusted.chain(request, peer)
    const client = this.#trusted.clientOf(chain, peer)
    const forwarding = forwardingFields(request, peer, chain, client, target.authority)
    const headers = requestHeaders(request, peer.trusted, forwarding)
    if (target.authority !== '' && this.#options.passesHost(service))
      headers.unshift('host', target.authority)
    // Without a body it can be sent twice, so that fairlead may try another endpoint.
    const body = framing === 'none' ? null : bodyOf(request, response)
    const origin = `http://${service}`
    const options: ExchangeOptions = {
      service,
      origin,
      body,
      onFailure,
      isLast: () => connection.isLast,
      ...(upgrade ? { onUpgrade: (endpoint, raw) => connection.join(endpoint as Socket, raw) } : {}),
    }
    const exchange = new Exchange(request, response, options)
    const deadlineMs = deadlineFrom(request.headers)
    const pick = {
      clientIp: client,
      headers: request.headers,
      path: target.path,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    }
    try {
      dispatcher.dispatchWith(
        {
          origin,
          path: target.path,
          method: request.method as Dispatcher.HttpMethod,
          headers,
          body: body as unknown as Dispatcher.DispatchOptions['body'],
          upgrade: upgrade ? request.headers.upgrade : null,
        },
        exchange as unknown as Dispatcher.DispatchHandler,
        { pick },
      )
    } catch (error) {
      exchange.onError(error as Error)
    }
    return exchange
  }
}

const KINDS: Readonly<Record<string, TimeoutKind>> = {
  FAIRLEAD_HEADERS_TIMEOUT: 'headers',
  FAIRLEAD_BODY_TIMEOUT: 'body',
  FAIRLEAD_SEND_TIMEOUT: 'send',
}

/** A request that is not what it should be: its connection ends, since what follows may not be either. */
function refuse(response: ServerResponse, failure: Failure): void {
  endConnectionAfter(response)
  answerFailure(response, failure)
}

/** A client that expects `100 Continue` is asked for its body when an endpoint begins to read it. */
function bodyOf(request: IncomingMessage, response: ServerResponse): RequestBody {
  const expected = request.headers.expect !== undefined && request.httpVersion !== '1.0'
  return new RequestBody(request, () => {
    if (expected && !response.headersSent) response.writeContinue()
  })
}
