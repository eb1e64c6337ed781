/** The HTTP/1.1 server of the proxy. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { ArgumentError } from '../../errors.js'
import type { PickOptions } from '../../model.js'
import { Exchange } from './exchange.js'
import {
  answerFailure,
  BAD_TARGET,
  type Failure,
  NO_ROUTE,
  UNKNOWN_CODING,
  UPGRADE_WITH_BODY,
} from './failure.js'
import { authority, clientIpOf, requestHeaders } from './headers.js'
import { asksForHttp2, serveWithoutUpgrade } from './plain-http.js'
import { framingOf, requestBody } from './request-body.js'

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the address is in use',
  EADDRNOTAVAIL: 'this machine does not have the address',
  EACCES: 'this user may not use the port',
  ENOTFOUND: 'the host name is not known',
}

export interface ProxyServerOptions {
  /** Which service a request is for. */
  readonly route: (authority: string | undefined, target: string) => string | undefined
  /** Runs `fn` with these pick options in force: `balancer.with`. */
  readonly balanced: (options: PickOptions, fn: () => void) => void
  readonly dispatcher: Dispatcher
  readonly trustForwarded: boolean
  readonly onFailure: (failure: Failure, error: Error) => void
}

export class ProxyServer {
  readonly #options: ProxyServerOptions
  readonly #server: Server
  /** Sockets that speak another protocol by now: `http.Server` has forgotten them. */
  readonly #upgraded = new Set<Duplex>()

  constructor(options: ProxyServerOptions) {
    this.#options = options
    // An upload may take as long as it takes; only headers have to come in time (60 s, Node's default).
    this.#server = createServer({ requestTimeout: 0 })
    this.#server.on('request', (request, response) => this.#handle(request, response))
    this.#server.on('checkContinue', (request, response) => this.#handle(request, response))
    this.#server.on('upgrade', (request, socket, head) => this.#handleUpgrade(request, socket, head))
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
        resolve(this.#server.address() as AddressInfo)
      })
    })
  }

  /** Takes no new connections; resolves when the requests in flight have ended, or after `drainMs`, when they are cut off. */
  close(drainMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cut = () => {
        this.#server.closeAllConnections()
        for (const socket of this.#upgraded) socket.destroy()
      }
      const timer = setTimeout(cut, drainMs)
      this.#server.close(() => {
        clearTimeout(timer)
        for (const socket of this.#upgraded) socket.destroy()
        resolve()
      })
      this.#server.closeIdleConnections()
    })
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#server.listening) response.shouldKeepAlive = false
    const target = targetOf(request)
    if (target === undefined) return answerFailure(response, BAD_TARGET)
    if (framingOf(request) === 'unknown-coding') return answerFailure(response, UNKNOWN_CODING)
    this.#forward(request, response, target)
  }

  #handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // A tunnel for HTTP/2 would take requests to the endpoint that no route has let through.
    if (asksForHttp2(request)) return serveWithoutUpgrade(this.#server, request, socket, head)
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket as never)
    response.once('finish', () => socket.end())
    const target = targetOf(request)
    if (target === undefined) return answerFailure(response, BAD_TARGET)
    if (framingOf(request) !== 'none') return answerFailure(response, UPGRADE_WITH_BODY)
    this.#forward(request, response, target, { socket, head })
  }

  #forward(
    request: IncomingMessage,
    response: ServerResponse,
    target: string,
    upgrade?: { socket: Duplex; head: Buffer },
  ): void {
    const { route, balanced, dispatcher, trustForwarded, onFailure } = this.#options
    const service = route(request.headers.host, target)
    if (service === undefined) return answerFailure(response, NO_ROUTE)
    const origin = `http://${service}`
    const isClosing = () => !this.#server.listening
    const exchange = new Exchange(request, response, { service, origin, isClosing, onFailure, upgrade })
    const options: Dispatcher.DispatchOptions = {
      origin,
      path: target,
      method: request.method as Dispatcher.HttpMethod,
      headers: requestHeaders(request, trustForwarded),
      // Without a body it can be sent twice, so that fairlead may try another endpoint.
      body: framingOf(request) === 'none' ? null : bodyOf(request, response),
      upgrade: upgrade === undefined ? null : request.headers.upgrade,
    }
    const pick = { clientIp: clientIpOf(request, trustForwarded), headers: request.headers, path: target }
    balanced(pick, () => {
      try {
        dispatcher.dispatch(options, exchange as unknown as Dispatcher.DispatchHandler)
      } catch (error) {
        exchange.onError(error as Error)
      }
    })
  }
}

/** A client that expects `100 Continue` is asked for its body when an endpoint begins to read it. */
function bodyOf(request: IncomingMessage, response: ServerResponse): Dispatcher.DispatchOptions['body'] {
  const expected = request.headers.expect !== undefined && request.httpVersion !== '1.0'
  const body = requestBody(request, () => {
    if (expected && !response.headersSent) response.writeContinue()
  })
  return body as unknown as Dispatcher.DispatchOptions['body']
}

/**
 * The path of a request's target. The absolute form that clients send to proxies is taken too; its host stands above
 * the Host header (RFC 9112, 3.2.2), from which routes are chosen.
 */
function targetOf(request: IncomingMessage): string | undefined {
  const { url: target } = request
  if (target?.startsWith('/')) return target
  if (target === undefined || !/^https?:/i.test(target) || !URL.canParse(target)) return undefined
  const { host, pathname, search } = new URL(target)
  request.headers.host = host
  return pathname + search
}
