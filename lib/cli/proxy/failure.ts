/** What the proxy answers when the balancer or the connection to an endpoint fails. */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import { endConnectionAfter } from './last-answer.js'

export interface Failure {
  readonly status: number
  readonly code: string
  /** For the client: names the service, never an endpoint's address. */
  readonly message: string
}

const UNAVAILABLE = 503
const BAD_GATEWAY = 502
const GATEWAY_TIMEOUT = 504

type Meaning = readonly [status: number, text: string]

const MEANINGS: Readonly<Record<string, Meaning>> = {
  FAIRLEAD_NO_ENDPOINT: [UNAVAILABLE, 'no endpoint of it can take a request now'],
  FAIRLEAD_OVERLOADED: [UNAVAILABLE, 'every endpoint of it is at its limit of requests in flight'],
  FAIRLEAD_STOPPED: [UNAVAILABLE, 'the proxy is stopping'],
  FAIRLEAD_DEADLINE: [GATEWAY_TIMEOUT, 'it did not answer in time'],
  UND_ERR_HEADERS_TIMEOUT: [GATEWAY_TIMEOUT, 'it did not answer in time'],
  UND_ERR_BODY_TIMEOUT: [GATEWAY_TIMEOUT, 'it stopped in the middle of its answer'],
  UND_ERR_CONNECT_TIMEOUT: [GATEWAY_TIMEOUT, 'no connection to it came about in time'],
  UND_ERR_INVALID_ARG: [400, 'the request cannot be passed on: it is malformed'],
  UND_ERR_NOT_SUPPORTED: [400, 'the request cannot be passed on: it asks for something unsupported'],
}
const CONNECTION_LOST: Meaning = [BAD_GATEWAY, 'the connection to it failed']

/** What an error of a request to a service means for the client. */
export function failureOf(error: unknown, service: string): Failure {
  const given = (error as { code?: unknown } | null)?.code
  const code = typeof given === 'string' ? given : 'FAIRLEAD_BAD_GATEWAY'
  const [status, text] = (Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : undefined) ?? CONNECTION_LOST
  return { status, code, message: `service "${service}": ${text}` }
}

export const NO_ROUTE: Failure = {
  status: 404,
  code: 'FAIRLEAD_UNKNOWN_SERVICE',
  message: 'no route of this proxy is for this host and path',
}
export const BAD_TARGET: Failure = {
  status: 400,
  code: 'FAIRLEAD_ARGUMENT',
  message: 'the request target must be a path',
}
export const UNKNOWN_CODING: Failure = {
  status: 501,
  code: 'FAIRLEAD_ARGUMENT',
  message: 'the only transfer-encoding that this proxy knows is chunked',
}
export const UPGRADE_WITH_BODY: Failure = {
  status: 400,
  code: 'FAIRLEAD_ARGUMENT',
  message: 'a request with a body cannot ask for an upgrade of its connection',
}

/** Answers with the failure as JSON, or cuts the connection where an answer has begun: half an answer must not look whole. */
export function answerFailure(response: ServerResponse, { status, code, message }: Failure): void {
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
  const body = JSON.stringify({ code, message })
  // With its own text: an answer that could not be begun may have left one that cannot be sent.
  response.writeHead(status, STATUS_CODES[status], {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
  })
  response.end(body)
}
