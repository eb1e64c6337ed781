import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Abort, Handler, RawHeaders } from '../../clients/handler.js'
import { answerFailure, type Failure, failureOf } from './failure.js'
import { answerHeaders, responseHeaders, statusTextOf } from './headers.js'
import { sendInformation } from './informational.js'
import { endConnectionAfter } from './last-answer.js'
import type { RequestBody } from './request-body.js'

const NOTHING = Buffer.alloc(0)
const FIRST_FINAL_STATUS = 200
/** What may not come after a body: where the message ends, who may read it, how (RFC 9110, 6.5.1). */
const NO_TRAILERS =
  /^(?:content-.*|set-cookie|trailer|location|age|cache-control|expires|vary|www-authenticate)$/i

export interface ExchangeOptions {
  readonly service: string
  /** The service as the dispatcher knows it, e.g. `http://users`. */
  readonly origin: string
  /** The connection ends after this answer, since the server takes no new requests. */
  readonly isLast: () => boolean
  /** Told of requests that failed before their answer began. */
  readonly onFailure: (failure: Failure, error: Error) => void
  readonly body: RequestBody | null
  /** For requests that ask for an upgrade: what becomes of the endpoint's connection when it agrees. */
  readonly onUpgrade?: (endpoint: Duplex, headers: RawHeaders) => void
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
  /** Nobody waits for the answer any more. */
  #over = false
  #upgraded = false
  /** Something of the answer's body has come. */
  #begun = false

  constructor(request: IncomingMessage, response: ServerResponse, options: ExchangeOptions) {
    this.#request = request
    this.#response = response
    this.#options = options
    response.on('drain', () => this.#resume?.())
    response.on('close', () => this.#closed())
    // Without a listener it would end the process.
    response.on('error', () => {})
  }

  /** Bytes of the request's body that have come, where more is waited for. */
  get awaited(): number | undefined {
    return this.#over ? undefined : this.#options.body?.awaited
  }

  /** The client's request is at fault after all: its body, or the time it takes. */
  fail(failure: Failure): void {
    if (this.#over || this.#upgraded) return
    this.#over = true
    const response = this.#response
    if (!response.headersSent) endConnectionAfter(response)
    answerFailure(response, failure)
    this.#abort?.(clientLeft())
  }

  onConnect(abort: Abort): void {
    if (this.#over) abort(clientLeft())
    else this.#abort = abort
  }

  onHeaders(status: number, raw: RawHeaders, resume: () => void, statusText: string): boolean {
    if (this.#over) return true
    const response = this.#response
    const headers = responseHeaders(raw, this.#options.origin)
    if (status < FIRST_FINAL_STATUS) {
      sendInformation(response, status, headers)
      return true
    }
    this.#resume = resume
    // An answer that comes before the end of the body ends the connection: the rest of the body is in its way.
    if (!this.#request.complete) endConnectionAfter(response)
    else if (this.#options.isLast()) response.shouldKeepAlive = false
    response.writeHead(status, statusTextOf(status, statusText), answerHeaders(response, status, headers))
    // Headers and the beginning of the body go together where they came together, which takes Node's streams a tick;
    // else the headers do not wait.
    process.nextTick(process.nextTick, () => {
      // As `flushHeaders`, which would write Latin-1 as UTF-8.
      if (!this.#begun && !response.writableEnded && !response.destroyed) response.write(NOTHING)
    })
    return true
  }

  onData(chunk: Buffer): boolean {
    this.#begun = true
    return this.#over || this.#response.write(chunk)
  }

  onComplete(rawTrailers: RawHeaders | null): void {
    if (this.#over) return
    const response = this.#response
    const trailers = responseHeaders(rawTrailers ?? [], this.#options.origin)
    if (trailers.length > 0) response.addTrailers(pairs(trailers).filter(([name]) => !NO_TRAILERS.test(name)))
    response.end()
  }

  onError(error: Error): void {
    if (this.#over || this.#upgraded) return
    this.#over = true
    const failure = failureOf(error, this.#options.service)
    this.#options.onFailure(failure, error)
    answerFailure(this.#response, failure)
  }

  onUpgrade(_status: number, raw: RawHeaders, endpoint: Duplex): void {
    const { onUpgrade } = this.#options
    if (onUpgrade === undefined || this.#over) {
      endpoint.destroy()
      return
    }
    this.#upgraded = true
    onUpgrade(endpoint, raw)
  }

  #closed(): void {
    if (this.#response.writableFinished || this.#upgraded) return
    this.#over = true
    this.#abort?.(clientLeft())
  }
}

/** Why a request is aborted whose client went away: not the endpoint's fault. */
const clientLeft = (): Error => new DOMException('the client closed the connection', 'AbortError')

function pairs(flat: readonly string[]): [string, string][] {
  const list: [string, string][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) list.push([flat[i], flat[i + 1]])
  return list
}
