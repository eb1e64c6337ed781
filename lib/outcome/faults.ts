/**
 * Whose fault it was that a try of a request failed without an answer, or in the middle of one: one table, by error code
 * and by how far the try had come. docs/outcomes.md shows it, and a test compares the two.
 */
import { PROCESS_FAULT_CODES } from '../runtime/process-faults.js'
import type { Verdict } from './classify.js'

/** How far a try had come. */
export type Phase =
  /** Nothing was sent. */
  | 'connecting'
  /** The request was sent, wholly or in part; no final headers have come. */
  | 'sent'
  /** The final headers have come: the verdict is given, what fails is the body. */
  | 'body'

/** Which of the two can eject an endpoint: its own, and its connection's. */
export type Fault = 'endpoint' | 'connection' | 'process' | 'caller'

/** Whether another endpoint may be tried. */
export type Again =
  /** Nothing was processed: any method, at no cost, each endpoint once. */
  | 'any'
  /** Idempotent requests with a body that can be sent twice, within the attempts and the budget. */
  | 'idempotent'
  | 'no'

export interface FaultRow {
  /** Of the error, or of the errors that it gathers; undefined: any other. */
  readonly codes?: readonly string[]
  /** What the error's message has to contain, where the code does not say enough. */
  readonly message?: RegExp
  readonly phases: readonly Phase[]
  readonly protocol?: 'HTTP/1.1' | 'HTTP/2'
  readonly fault: Fault
  readonly verdict: Verdict
  readonly again: Again
  /** For the docs. */
  readonly about: string
}

const BEFORE: readonly Phase[] = ['connecting', 'sent']
const AFTER_SENDING: readonly Phase[] = ['sent', 'body']
const ALL: readonly Phase[] = ['connecting', 'sent', 'body']

/** The first row that fits counts. */
export const FAULT_ROWS: readonly FaultRow[] = [
  {
    codes: [
      'UND_ERR_INVALID_ARG',
      'UND_ERR_INVALID_RETURN_VALUE',
      'UND_ERR_NOT_SUPPORTED',
      'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
      'UND_ERR_RES_EXCEEDED_MAX_SIZE',
      'UND_ERR_ABORTED',
      'FAIRLEAD_SCHEME',
    ],
    phases: ALL,
    fault: 'caller',
    verdict: 'cancelled',
    again: 'no',
    about: 'The arguments, the size that the caller set, or an abort.',
  },
  {
    codes: PROCESS_FAULT_CODES,
    phases: ['connecting'],
    fault: 'process',
    verdict: 'cancelled',
    again: 'any',
    about: 'This process is out of descriptors, ports, buffers or memory, or may not open connections.',
  },
  {
    codes: ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'ERR_MEMORY_ALLOCATION_FAILED'],
    phases: ['sent'],
    fault: 'process',
    verdict: 'cancelled',
    again: 'idempotent',
    about: 'The same, once something was sent.',
  },
  {
    codes: ['UND_ERR_CLOSED', 'UND_ERR_DESTROYED'],
    phases: ['connecting'],
    fault: 'process',
    verdict: 'cancelled',
    again: 'any',
    about: 'fairlead closed the connection: the endpoint left, or its options changed.',
  },
  {
    codes: ['UND_ERR_CLOSED', 'UND_ERR_DESTROYED'],
    phases: AFTER_SENDING,
    fault: 'process',
    verdict: 'cancelled',
    again: 'idempotent',
    about: 'The same, once something was sent.',
  },
  {
    codes: ['ERR_HTTP2_STREAM_ERROR', 'UND_ERR_INFO'],
    message: /NGHTTP2_REFUSED_STREAM|- code 7\b/,
    phases: BEFORE,
    protocol: 'HTTP/2',
    fault: 'connection',
    verdict: 'connection',
    again: 'any',
    about: 'REFUSED_STREAM: nothing was processed (RFC 9113, 8.7).',
  },
  {
    codes: [
      'UND_ERR_SOCKET',
      'ERR_HTTP2_SESSION_ERROR',
      'ERR_HTTP2_GOAWAY_SESSION',
      'ERR_HTTP2_STREAM_CANCEL',
    ],
    message: /GOAWAY|goaway|pending stream has been canceled|session.*closed with error/i,
    phases: BEFORE,
    protocol: 'HTTP/2',
    fault: 'connection',
    verdict: 'connection',
    again: 'idempotent',
    about: 'GOAWAY, graceful or not: the connection ends, once for all of its streams.',
  },
  {
    codes: ['ERR_HTTP2_OUT_OF_STREAMS', 'ERR_HTTP2_GOAWAY_SESSION', 'ERR_HTTP2_INVALID_SESSION'],
    phases: BEFORE,
    protocol: 'HTTP/2',
    fault: 'connection',
    verdict: 'connection',
    again: 'any',
    about: 'The stream could not be opened on a connection that is ending or full: nothing was sent.',
  },
  {
    codes: ['UND_ERR_CONNECT_TIMEOUT'],
    phases: ['connecting'],
    fault: 'endpoint',
    verdict: 'connect',
    again: 'any',
    about: 'No connection within `connectTimeout`.',
  },
  {
    phases: ['connecting'],
    fault: 'endpoint',
    verdict: 'connect',
    again: 'any',
    about:
      'Refused, reset, unreachable, no such name (ECONNREFUSED, ECONNRESET, EHOSTUNREACH, ENETUNREACH, ENOTFOUND, EAI_AGAIN, ...), TLS (expired, wrong name, untrusted, alerts).',
  },
  {
    codes: ['UND_ERR_HEADERS_TIMEOUT', 'FAIRLEAD_DEADLINE'],
    phases: ['sent'],
    fault: 'endpoint',
    verdict: 'local-origin',
    again: 'idempotent',
    about: 'No final headers within `headersTimeout` or `perTryTimeoutMs`; the wait may raise the average.',
  },
  {
    phases: ['sent'],
    fault: 'endpoint',
    verdict: 'local-origin',
    again: 'idempotent',
    about:
      'Reset, closed, cut off (ECONNRESET, EPIPE, UND_ERR_SOCKET), no HTTP (HPE_...), headers too long (UND_ERR_HEADERS_OVERFLOW), an upgrade that nobody asked for, HTTP/2 stream and protocol errors.',
  },
  {
    codes: ['UND_ERR_SOCKET', 'ERR_HTTP2_SESSION_ERROR', 'ERR_HTTP2_GOAWAY_SESSION'],
    message: /GOAWAY|goaway/i,
    phases: ['body'],
    protocol: 'HTTP/2',
    fault: 'connection',
    verdict: 'connection',
    again: 'no',
    about: 'GOAWAY in the middle of the answer: the request failed, the endpoint has not broken a body.',
  },
  {
    phases: ['body'],
    fault: 'endpoint',
    verdict: 'local-origin',
    again: 'no',
    about:
      'The body broke off, was shorter or longer than it said, or stopped for `bodyTimeout`: the request counts as failed, in a run of its own.',
  },
]

/** The row for an error. */
export function faultOf(error: unknown, phase: Phase): FaultRow {
  const codes = codesOf(error)
  const message = String((error as { message?: unknown } | null)?.message ?? '')
  for (const row of FAULT_ROWS) {
    if (!row.phases.includes(phase)) continue
    if (row.codes !== undefined && !codes.some((code) => row.codes?.includes(code))) continue
    if (row.message !== undefined && !row.message.test(message)) continue
    return row
  }
  return FAULT_ROWS[FAULT_ROWS.length - 1]
}

/**
 * The codes of an error, and of those that it gathers: one that stands for attempts at several addresses. Its own code is
 * then that of the first attempt.
 */
function codesOf(error: unknown): string[] {
  const { code, errors } = (error ?? {}) as { code?: unknown; errors?: unknown }
  const codes = typeof code === 'string' ? [code] : []
  if (Array.isArray(errors)) for (const one of errors) codes.push(...codesOf(one))
  return codes
}

const TIME_OUTS = new Set([
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'FAIRLEAD_DEADLINE',
])

/** A limit of time ran out in this process: nothing of it is true where the event loop was held meanwhile. */
export const isTimeOut = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && TIME_OUTS.has(code)
}
