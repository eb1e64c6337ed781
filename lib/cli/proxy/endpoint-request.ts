import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type InformationEvent,
  request as requestHttp,
} from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import type { Handler } from '../../clients/handler.js'
import { markIdleClose, raceMs } from '../../connections/idle-close.js'
import { loadUndici } from '../../runtime/lazy.js'
import { asUndiciError } from './endpoint-errors.js'
import { asBuffers, asUtf8, fieldOf, requestOptions } from './endpoint-message.js'
import type { EndpointOptions } from './endpoint-options.js'
import { noteKeepAlive } from './keeping-agent.js'
import type { RequestBody } from './request-body.js'

const SWITCHING_PROTOCOLS = 101
const FIRST_FINAL_STATUS = 200
/** More 1xx answers before the final one than any endpoint has reason to send. */
const MAX_INFORMATIONAL = 1_000

/** What connecting took, ms, by connection. */
const connectTimes = new WeakMap<Socket, number>()

/**
 * One request to one endpoint, by Node's HTTP client: drives a handler of undici's first generation just as undici would,
 * with undici's errors, so that outcomes and retries are the same.
 */
export class EndpointRequest {
  readonly #endpoint: EndpointOptions
  readonly #agent: Agent
  readonly #handler: Handler
  readonly #onEnd: () => void
  #request: ClientRequest | undefined
  #response: IncomingMessage | undefined
  #body: RequestBody | null = null
  #limitMs = Number.POSITIVE_INFINITY
  #movedAt = 0
  #expired: (() => Error | undefined) | undefined
  #ended = false
  /** When the connection was there for it. */
  #startedAt = 0
  #informational = 0
  #received = 0

  /** @param onEnd called once when it is over */
  constructor(endpoint: EndpointOptions, agent: Agent, handler: Handler, onEnd: () => void) {
    this.#endpoint = endpoint
    this.#agent = agent
    this.#handler = handler
    this.#onEnd = onEnd
  }

  send(options: Dispatcher.DispatchOptions): void {
    const endpoint = this.#endpoint
    this.#body = options.body as unknown as RequestBody | null
    let request: ClientRequest
    try {
      request = (endpoint.secure ? requestHttps : requestHttp)(requestOptions(options, endpoint, this.#agent))
    } catch (error) {
      // A method, target or field that Node does not send.
      const { InvalidArgumentError } = loadUndici().errors
      this.#fail(Object.assign(new InvalidArgumentError((error as Error).message), { cause: error }))
      return
    }
    this.#request = request
    // All fields, whatever their number: their size is bounded.
    request.maxHeadersCount = 0
    request.on('error', (error) => this.#broken(error))
    request.on('socket', (socket) => this.#connect(socket))
    request.on('information', (information) => this.#inform(information))
    request.on('response', (response) => this.#begin(response))
    request.on('upgrade', (response, socket, head) => this.#upgrade(options, response, socket, head))
    request.on('close', () => this.#closed())
  }

  /** Ends it at once: the handler's `onError` gets the reason. */
  abort(reason?: unknown): void {
    if (this.#ended) return
    this.#fail((reason as Error | undefined) ?? new (loadUndici().errors.RequestAbortedError)())
  }

  /** Ends it where the endpoint has been silent for too long. A timer for each request costs more than to look. */
  check(nowMs: number): void {
    if (nowMs - this.#movedAt < this.#limitMs) return
    const error = this.#expired?.()
    if (error === undefined) this.#moved(nowMs)
    else this.#fail(error)
  }

  #moved(nowMs = performance.now()): void {
    this.#movedAt = nowMs
  }

  #connect(socket: Socket): void {
    const { secure, connectTimeout } = this.#endpoint
    if (this.#ended) return
    if (!socket.connecting && (socket as { secureConnecting?: boolean }).secureConnecting !== true)
      return this.#start()
    const { ConnectTimeoutError } = loadUndici().errors
    this.#arm(connectTimeout, () => new ConnectTimeoutError(`no connection within ${connectTimeout} ms`))
    const began = performance.now()
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      connectTimes.set(socket, performance.now() - began)
      if (!this.#ended) this.#start()
    })
  }

  /** The connection is there: undici calls `onConnect` just before it writes. */
  #start(): void {
    const request = this.#request as ClientRequest
    const body = this.#body
    this.#startedAt = performance.now()
    this.#disarm()
    if (!this.#call(() => this.#handler.onConnect((reason) => this.abort(reason)))) return
    const { headersTimeout } = this.#endpoint
    const { HeadersTimeoutError } = loadUndici().errors
    this.#arm(headersTimeout, () => (body?.awaited === undefined ? new HeadersTimeoutError() : undefined))
    if (body === null) request.end()
    else
      body.pipe(
        request,
        () => this.#moved(),
        (error) => this.#fail(error),
      )
  }

  #inform({ statusCode, statusMessage, rawHeaders }: InformationEvent): void {
    if (this.#ended) return
    const { SocketError } = loadUndici().errors
    if (statusCode === SWITCHING_PROTOCOLS) return this.#fail(new SocketError('bad upgrade'))
    if (++this.#informational > MAX_INFORMATIONAL)
      return this.#fail(new SocketError('too many informational answers'))
    this.#call(() =>
      this.#handler.onHeaders(statusCode, asBuffers(rawHeaders), () => {}, asUtf8(statusMessage)),
    )
  }

  #begin(response: IncomingMessage): void {
    this.#disarm()
    response.on('error', (error) => this.#broken(error))
    response.on('close', () => this.#closed())
    if (this.#ended) return
    this.#response = response
    const { statusCode = 0, statusMessage = '', rawHeaders, socket } = response
    const { SocketError, BodyTimeoutError } = loadUndici().errors
    // Not by `headers`, which Node puts together when it is first asked for.
    const coding = fieldOf(rawHeaders, 'transfer-encoding')
    if (statusCode < FIRST_FINAL_STATUS) return this.#fail(new SocketError(`bad status ${statusCode}`))
    if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked')
      return this.#fail(new SocketError('a transfer-encoding other than chunked'))
    const keepAlive = fieldOf(rawHeaders, 'keep-alive')
    if (keepAlive !== undefined) noteKeepAlive(socket, keepAlive)
    const { bodyTimeout, maxResponseSize } = this.#endpoint
    this.#arm(bodyTimeout, () => (response.isPaused() ? undefined : new BodyTimeoutError()))
    let goOn = true
    const resume = (): void => {
      this.#moved()
      response.resume()
    }
    const begun = this.#call(() => {
      goOn = this.#handler.onHeaders(statusCode, asBuffers(rawHeaders), resume, asUtf8(statusMessage))
    })
    if (!begun) return
    response.on('data', (chunk: Buffer) => this.#receive(response, chunk, maxResponseSize))
    response.on('end', () => this.#complete(response))
    if (!goOn) response.pause()
  }

  #receive(response: IncomingMessage, chunk: Buffer, limit: number): void {
    if (this.#ended) return
    this.#moved()
    this.#received += chunk.length
    if (limit >= 0 && this.#received > limit) {
      this.#fail(new (loadUndici().errors.ResponseExceededMaxSizeError)())
      return
    }
    let goOn = true
    if (this.#call(() => (goOn = this.#handler.onData(chunk))) && !goOn) response.pause()
  }

  #complete(response: IncomingMessage): void {
    if (this.#ended) return
    const request = this.#request as ClientRequest
    this.#end()
    // What is left of the request's body is in the way of the next request.
    if (!request.writableFinished) request.destroy()
    try {
      this.#handler.onComplete(asBuffers(response.rawTrailers))
    } catch (error) {
      this.#handler.onError(error as Error)
    }
  }

  #upgrade(
    { upgrade }: Dispatcher.DispatchOptions,
    { statusCode = 0, rawHeaders }: IncomingMessage,
    socket: Socket,
    head: Buffer,
  ): void {
    socket.on('error', () => {})
    if (this.#ended) return void socket.destroy()
    if (!upgrade) {
      socket.destroy()
      return this.#fail(new (loadUndici().errors.SocketError)('bad upgrade'))
    }
    this.#end()
    // For Node's agent it was a connection whose idle time is limited.
    socket.setTimeout(0)
    if (head.length > 0) socket.unshift(head)
    try {
      this.#handler.onUpgrade?.(statusCode, asBuffers(rawHeaders), socket)
    } catch (error) {
      socket.destroy()
      this.#handler.onError(error as Error)
    }
  }

  /** Calls the handler; what it throws ends the request, as with undici. */
  #call(fn: () => void): boolean {
    try {
      fn()
      return !this.#ended
    } catch (error) {
      this.#fail(error as Error)
      return false
    }
  }

  /** The connection is; an answer that has come whole is handed on all the same. */
  #broken(error: Error): void {
    if (this.#response?.complete !== true) this.#lost(asUndiciError(error, this.#response !== undefined))
  }

  /** Where nothing else has ended it. To make an error takes long. */
  #closed(): void {
    if (!this.#ended && (this.#response?.complete !== true || this.#response.destroyed))
      this.#lost(new (loadUndici().errors.SocketError)('other side closed'))
  }

  /** The connection has ended, perhaps one that was idle until just now. */
  #lost(error: Error): void {
    const request = this.#request
    const isUnanswered = this.#response === undefined && this.#informational === 0
    if (request?.reusedSocket && request.socket && isUnanswered) {
      const connectMs = connectTimes.get(request.socket) ?? 0
      if (performance.now() - this.#startedAt <= raceMs(connectMs)) markIdleClose(error)
    }
    this.#fail(error)
  }

  #fail(error: Error): void {
    if (this.#ended) return
    this.#end()
    this.#handler.onError(error)
    this.#request?.destroy()
  }

  #end(): void {
    this.#ended = true
    this.#disarm()
    this.#body?.release()
    this.#onEnd()
  }

  /** @param expired what it fails with; undefined: not the endpoint's silence, wait on */
  #arm(ms: number, expired: () => Error | undefined): void {
    this.#limitMs = ms > 0 ? ms : Number.POSITIVE_INFINITY
    this.#expired = expired
    this.#movedAt = performance.now()
  }

  #disarm(): void {
    this.#limitMs = Number.POSITIVE_INFINITY
  }
}
