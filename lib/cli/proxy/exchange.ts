import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Abort, Handler, RawHeaders } from '../../clients/handler.js'
import { answerFailure, type Failure, failureOf } from './failure.js'
import { answerHeaders, responseHeaders, statusTextOf } from './headers.js'
import { endConnectionAfter } from './last-answer.js'
import { joinSockets } from './upgrade.js'

const EARLY_HINTS = 103
const FIRST_FINAL_STATUS = 200

export interface ExchangeOptions {
  readonly service: string
  /** The service as the dispatcher knows it, e.g. `http://users`. */
  readonly origin: string
  /** The server takes no new connections: this answer is the last on its own. */
  readonly isClosing: () => boolean
  /** Told of requests that failed before their answer began. */
  readonly onFailure: (failure: Failure, error: Error) => void
  /** For requests that ask for an upgrade: what the parser had read beyond the request. */
  readonly upgrade?: { readonly socket: Duplex; readonly head: Buffer }
}

/**
 * One request through the proxy: hands the endpoint's answer on as it comes, and holds it back while the client does
 * not read. Nothing is buffered beyond the sockets' and streams' own marks.
 */
export class Exchange implements Handler {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #options: ExchangeOptions
  #abort: Abort | undefined
  #resume: (() => void) | undefined
  #clientLeft = false
  #upgraded = false

  constructor(request: IncomingMessage, response: ServerResponse, options: ExchangeOptions) {
    this.#request = request
    this.#response = response
    this.#options = options
    response.on('drain', () => this.#resume?.())
    response.on('close', () => this.#closed())
    // A body that breaks off comes back through `onError`; without a listener it would end the process.
    request.on('error', () => {})
    response.on('error', () => {})
  }

  onConnect(abort: Abort): void {
    if (this.#clientLeft) abort(clientLeft())
    else this.#abort = abort
  }

  onHeaders(status: number, raw: RawHeaders, resume: () => void, statusText: string): boolean {
    const response = this.#response
    const headers = responseHeaders(raw, this.#options.origin)
    if (status < FIRST_FINAL_STATUS) {
      // A client of HTTP/1.0 would take it for the answer (RFC 9110, 15.2).
      if (status === EARLY_HINTS && this.#request.httpVersion !== '1.0') sendEarlyHints(response, headers)
      return true
    }
    this.#resume = resume
    // An answer that comes before the end of the body ends the connection: the rest of the body is in its way.
    if (!this.#request.complete) endConnectionAfter(response)
    else if (this.#options.isClosing()) response.shouldKeepAlive = false
    response.writeHead(status, statusTextOf(status, statusText), answerHeaders(response, status, headers))
    // Headers and the beginning of the body go together where they came together, else the headers do not wait.
    process.nextTick(() => {
      if (!response.writableEnded && response.writableLength === 0) response.flushHeaders()
    })
    return true
  }

  onData(chunk: Buffer): boolean {
    return this.#response.write(chunk)
  }

  onComplete(rawTrailers: RawHeaders | null): void {
    const response = this.#response
    const trailers = responseHeaders(rawTrailers ?? [], this.#options.origin)
    if (trailers.length > 0) response.addTrailers(pairs(trailers))
    response.end()
  }

  onError(error: Error): void {
    if (this.#clientLeft || this.#upgraded) return
    const failure = failureOf(error, this.#options.service)
    this.#options.onFailure(failure, error)
    answerFailure(this.#response, failure)
  }

  onUpgrade(_status: number, raw: RawHeaders, endpoint: Duplex): void {
    const { upgrade } = this.#options
    if (upgrade === undefined || this.#clientLeft) {
      endpoint.destroy()
      return
    }
    this.#upgraded = true
    this.#response.detachSocket(upgrade.socket as never)
    joinSockets(upgrade.socket, upgrade.head, endpoint, raw)
  }

  #closed(): void {
    if (this.#response.writableFinished || this.#upgraded) return
    this.#clientLeft = true
    this.#abort?.(clientLeft())
  }
}

/** Why a request is aborted whose client went away: not the endpoint's fault. */
const clientLeft = (): Error => new DOMException('the client closed the connection', 'AbortError')

function sendEarlyHints(response: ServerResponse, headers: readonly string[]): void {
  const hints: Record<string, string | string[]> = {}
  for (const [name, value] of pairs(headers)) {
    const key = name.toLowerCase()
    const before = hints[key]
    hints[key] = before === undefined ? value : [before, value].flat()
  }
  // Without a link there is nothing that Node would send.
  if (hints['link'] !== undefined) response.writeEarlyHints(hints as { link: string | string[] })
}

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i], flat[i + 1]])
  return list
}
