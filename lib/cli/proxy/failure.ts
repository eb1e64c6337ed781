/** What the proxy answers when a request is at fault, or when the balancer or the connection to an endpoint fails. */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import { OverloadedError } from '../../errors.js'
import { endConnectionAfter } from './last-answer.js'

export interface Failure {
  readonly status: number
  readonly code: string
  /** For the client: names the service, never an endpoint's address. */
  readonly message: string
  /** When to try again, ms; undefined: nothing is known. */
  readonly retryAfterMs?: number
}

const BAD_REQUEST = 400
const REQUEST_TIMEOUT = 408
const CONTENT_TOO_LARGE = 413
const HEADERS_TOO_LARGE = 431
const NOT_IMPLEMENTED = 501
const UNAVAILABLE = 503
const BAD_GATEWAY = 502
const GATEWAY_TIMEOUT = 504

type Meaning = readonly [status: number, text: string]

const MEANINGS: Readonly<Record<string, Meaning>> = {
  FAIRLEAD_NO_ENDPOINT: [UNAVAILABLE, 'no endpoint of it can take a request now'],
  FAIRLEAD_OVERLOADED: [UNAVAILABLE, 'it is overloaded, and cannot take this request now'],
  FAIRLEAD_STOPPED: [UNAVAILABLE, 'the proxy is stopping'],
  FAIRLEAD_DEADLINE: [GATEWAY_TIMEOUT, 'it did not answer in time'],
  UND_ERR_HEADERS_TIMEOUT: [GATEWAY_TIMEOUT, 'it did not answer in time'],
  UND_ERR_BODY_TIMEOUT: [GATEWAY_TIMEOUT, 'it stopped in the middle of its answer'],
  UND_ERR_CONNECT_TIMEOUT: [GATEWAY_TIMEOUT, 'no connection to it came about in time'],
  UND_ERR_INVALID_ARG: [BAD_REQUEST, 'the request cannot be passed on: it is malformed'],
  UND_ERR_NOT_SUPPORTED: [BAD_REQUEST, 'the request cannot be passed on: it asks for something unsupported'],
}
const CONNECTION_LOST: Meaning = [BAD_GATEWAY, 'the connection to it failed']

/** What an error of a request to a service means for the client. */
export function failureOf(error: unknown, service: string): Failure {
  const given = (error as { code?: unknown } | null)?.code
  const code = typeof given === 'string' ? given : 'FAIRLEAD_BAD_GATEWAY'
  const [status, text] = (Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined) ?? CONNECTION_LOST
  const message = `service "${service}": ${text}`
  if (error instanceof OverloadedError) return { status, code, message, retryAfterMs: error.retryAfterMs }
  return { status, code, message }
}

const refusal = (message: string, status = BAD_REQUEST): Failure => ({
  status,
  code: 'FAIRLEAD_ARGUMENT',
  message,
})

export const NO_ROUTE: Failure = {
  status: 404,
  code: 'FAIRLEAD_UNKNOWN_SERVICE',
  message: 'no route of this proxy is for this host and path',
}
export const BAD_TARGET = refusal('the request target must be a path')
export const BAD_HOST = refusal('the request must have one Host field, which names a host and perhaps a port')
export const UNKNOWN_CODING = refusal(
  'the only transfer-encoding that this proxy knows is chunked',
  NOT_IMPLEMENTED,
)
export const OLD_CODING = refusal('HTTP/1.0 has no transfer-encoding')
export const UPGRADE_WITH_BODY = refusal('a request with a body cannot ask for an upgrade of its connection')
export const NO_TUNNELS = refusal('this proxy opens no tunnels: CONNECT is not supported', NOT_IMPLEMENTED)
export const UNKNOWN_EXPECTATION = refusal('the only expectation that this proxy meets is 100-continue', 417)
export const TOO_MANY_FIELDS = refusal('the request has too many header fields', HEADERS_TOO_LARGE)
const MALFORMED = refusal('the request is malformed')
const LONG_FIELDS = refusal('the header fields of the request are too long', HEADERS_TOO_LARGE)
const LONG_EXTENSIONS = refusal('the chunk extensions of the request are too long', CONTENT_TOO_LARGE)

export const HEADERS_TIMEOUT: Failure = {
  status: REQUEST_TIMEOUT,
  code: 'FAIRLEAD_HEADERS_TIMEOUT',
  message: 'the header fields of the request did not come in time',
}
export const BODY_TIMEOUT: Failure = {
  status: REQUEST_TIMEOUT,
  code: 'FAIRLEAD_BODY_TIMEOUT',
  message: 'the body of the request did not go on in time',
}
/** Never answered: the client does not read. */
export const SEND_TIMEOUT: Failure = {
  status: REQUEST_TIMEOUT,
  code: 'FAIRLEAD_SEND_TIMEOUT',
  message: 'the client did not take its answer in time',
}

/** What to answer where Node's parser refuses what a client sends; undefined: the connection is lost. */
export function parseFailure(code: string | undefined): Failure | undefined {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return HEADERS_TIMEOUT
  if (code === 'HPE_HEADER_OVERFLOW') return LONG_FIELDS
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return LONG_EXTENSIONS
  return code?.startsWith('HPE_') ? MALFORMED : undefined
}

/** Answers with the failure as JSON, or cuts the connection where an answer has begun: half an answer must not look whole. */
export function answerFailure(response: ServerResponse, failure: Failure): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { req } = response
  if (!req.complete) {
    // What is left of the body has to be read, or the client, busy sending, misses the answer. A client that waits for
    // `100 Continue`, or whose body is lost, cannot use the connection again.
    if (req.destroyed || req.headers.expect !== undefined) endConnectionAfter(response)
    req.resume()
  }
  const { status } = failure
  const body = bodyOf(failure)
  // With its own text: an answer that could not be begun may have left one that cannot be sent.
  response.writeHead(status, STATUS_CODES[status], {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...retryHeaders(failure),
  })
  response.end(body)
}

/** The whole answer as text, for a connection whose parser has given up. */
export function failureText(failure: Failure): string {
  const { status } = failure
  const body = bodyOf(failure)
  return [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}

const bodyOf = ({ code, message, retryAfterMs }: Failure): string =>
  JSON.stringify({ code, message, retryAfterMs })

const MS_PER_S = 1e3

/** `Retry-After` knows whole seconds alone: less than one is not rounded up to it, which would leave places idle. */
function retryHeaders({ retryAfterMs = 0 }: Failure): Record<string, string> {
  return retryAfterMs < MS_PER_S ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / MS_PER_S)) }
}
