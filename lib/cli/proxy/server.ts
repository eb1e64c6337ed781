/** The HTTP/1.1 server of the proxy. */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { ArgumentError } from '../../errors.js'
import type { PickOptions } from '../../model.js'
import { Exchange } from './exchange.js'
import { answerFailure, BAD_TARGET, type Failure, NO_ROUTE, UPGRADE_WITH_BODY } from './failure.js'
import { authority, clientIpOf, requestHeaders } from './headers.js'

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
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      // The client is asked for its body when an endpoint is ready to read it.
      request.once('resume', () => {
        if (!response.headersSent) response.writeContinue()
      })
      this.#handle(request, response)
    })
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
    // The server is closing: this connection's last answer.
    if (!this.#server.listening) response.shouldKeepAlive = false
    const target = pathOf(request.url)
    if (target === undefined) return answerFailure(response, BAD_TARGET)
    this.#forward(request, response, target)
  }

  #handleUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#upgraded.add(socket)
    socket.once('close', () => this.#upgraded.delete(socket))
    const response = new ServerResponse(request)
    response.shouldKeepAlive = false
    response.assignSocket(socket as never)
    response.once('finish', () => socket.end())
    const target = pathOf(request.url)
    if (target === undefined) return answerFailure(response, BAD_TARGET)
    if (hasBody(request)) return answerFailure(response, UPGRADE_WITH_BODY)
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
    const exchange = new Exchange(request, response, { service, origin, onFailure, upgrade })
    const options: Dispatcher.DispatchOptions = {
      origin,
      path: target,
      method: request.method as Dispatcher.HttpMethod,
      headers: requestHeaders(request, trustForwarded),
      // Without a body it can be sent twice, so that fairlead may try another endpoint.
      body: upgrade === undefined && hasBody(request) ? request : null,
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

const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** The path of a request target; the absolute form that clients send to proxies is taken too (RFC 9112, 3.2.2). */
function pathOf(target: string | undefined): string | undefined {
  if (target?.startsWith('/')) return target
  if (target === undefined || !/^https?:/i.test(target) || !URL.canParse(target)) return undefined
  const { pathname, search } = new URL(target)
  return pathname + search
}
