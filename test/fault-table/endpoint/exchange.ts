import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'

export const REQUEST_ID = 'x-request-id'
export const ENDPOINT_HEADER = 'x-endpoint'
/** How long the body is meant to be, whatever the headers of HTTP say, bytes. */
export const LENGTH_HEADER = 'x-whole-length'

/** How long a healthy endpoint works on an answer, ms. */
const SERVICE_MS = 2
const BODY = JSON.stringify({ users: Array.from({ length: 8 }, (_, id) => ({ id, name: `user ${id}` })) })

/** One request at an endpoint, and the ways to answer it, rightly and wrongly. */
export class Exchange {
  readonly method: string
  readonly id: string
  readonly request: IncomingMessage | Http2ServerRequest
  readonly response: ServerResponse | Http2ServerResponse
  readonly #name: string
  readonly #closing: boolean

  constructor(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    name: string,
    closing: boolean,
  ) {
    this.request = request
    this.response = response
    this.method = request.method ?? ''
    this.id = String(request.headers[REQUEST_ID] ?? 'none')
    this.#name = name
    this.#closing = closing
    // What a fault does to the connection shows up here, too.
    request.on('error', () => {})
    response.on('error', () => {})
    request.resume()
  }

  /** The HTTP/1.1 connection, below HTTP: in the clear, or the inside of TLS. */
  get socket(): Socket {
    return (this.request as IncomingMessage).socket
  }

  /** The HTTP/2 stream. */
  get stream(): ServerHttp2Stream {
    return (this.response as Http2ServerResponse).stream
  }

  /** As a healthy endpoint does. */
  answer(status = 200, headers: Record<string, string> = {}, body = BODY): void {
    setTimeout(() => {
      if (this.response.destroyed || (this.response as ServerResponse).socket?.destroyed) return
      const all: Record<string, string | number> = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        [ENDPOINT_HEADER]: this.#name,
        [LENGTH_HEADER]: Buffer.byteLength(body),
        ...headers,
      }
      if (this.#closing) all.connection = 'close'
      const response = this.response as ServerResponse
      response.writeHead(status, all).end(body)
    }, SERVICE_MS)
  }

  /** HTTP/1.1: the begin of a good answer, whose body the caller writes. */
  begin(bytes: number): ServerResponse {
    const headers = { 'content-length': bytes, [ENDPOINT_HEADER]: this.#name, [LENGTH_HEADER]: bytes }
    return (this.response as ServerResponse).writeHead(200, headers)
  }

  /** HTTP/1.1: the begin of an answer, as raw text. */
  head(...fields: string[]): string {
    return ['HTTP/1.1 200 OK', `${ENDPOINT_HEADER}: ${this.#name}`, ...fields, '', ''].join('\r\n')
  }

  /** HTTP/2: the begin of an answer whose body will break off. */
  get streamHeaders(): Record<string, string | number> {
    return { ':status': 200, [ENDPOINT_HEADER]: this.#name, [LENGTH_HEADER]: BODY.length }
  }
}
