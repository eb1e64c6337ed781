/** What the proxy says of requests that failed, to clients and to the operator. */
import { describe, expect, it, vi } from 'vitest'
import {
  answerFailure,
  BAD_HOST,
  BODY_TIMEOUT,
  failureOf,
  failureText,
  HEADERS_TIMEOUT,
  NO_ROUTE,
  NO_TUNNELS,
  OLD_CODING,
  parseFailure,
  SEND_TIMEOUT,
  TOO_MANY_FIELDS,
  UNKNOWN_CODING,
  UNKNOWN_EXPECTATION,
  UPGRADE_WITH_BODY,
} from '../../../lib/cli/proxy/failure.js'
import { FailureLog } from '../../../lib/cli/proxy/failure-log.js'
import { StallWatch, sendPosition } from '../../../lib/cli/proxy/stall-watch.js'
import { TimeoutCounts } from '../../../lib/cli/proxy/timeout-counts.js'
import { OverloadedError } from '../../../lib/errors.js'

describe('an error of a request to a service', () => {
  it.each([
    ['FAIRLEAD_NO_ENDPOINT', 503, 'no endpoint of it can take a request now'],
    ['FAIRLEAD_OVERLOADED', 503, 'it is overloaded, and cannot take this request now'],
    ['FAIRLEAD_STOPPED', 503, 'the proxy is stopping'],
    ['FAIRLEAD_DEADLINE', 504, 'it did not answer in time'],
    ['UND_ERR_HEADERS_TIMEOUT', 504, 'it did not answer in time'],
    ['UND_ERR_BODY_TIMEOUT', 504, 'it stopped in the middle of its answer'],
    ['UND_ERR_CONNECT_TIMEOUT', 504, 'no connection to it came about in time'],
    ['UND_ERR_INVALID_ARG', 400, 'the request cannot be passed on: it is malformed'],
    ['UND_ERR_NOT_SUPPORTED', 400, 'the request cannot be passed on: it asks for something unsupported'],
    ['ECONNREFUSED', 502, 'the connection to it failed'],
    // No property that every object has.
    ['toString', 502, 'the connection to it failed'],
  ])('%s is %i for the client: %s', (code, status, text) => {
    const error = Object.assign(new Error('at 10.0.0.1'), { code })
    expect(failureOf(error, 'users')).toEqual({ status, code, message: `service "users": ${text}` })
  })

  it.each([undefined, null, 'text', new Error('no code'), { code: 7 }])(
    'without a code has one for the client: %s',
    (error) => {
      expect(failureOf(error, 'users')).toMatchObject({ status: 502, code: 'FAIRLEAD_BAD_GATEWAY' })
    },
  )
})

describe('an overloaded service', () => {
  const answerTo = (retryAfterMs: number) => {
    const head = vi.fn()
    const response = { headersSent: false, req: { complete: true }, writeHead: head, end: vi.fn() }
    answerFailure(response as never, failureOf(new OverloadedError('users', 'why', retryAfterMs), 'users'))
    return { headers: head.mock.calls[0][2], body: JSON.parse(response.end.mock.calls[0][0]) }
  }

  it('says when to try again, to the ms in the body', () => {
    expect(answerTo(33).body).toMatchObject({ code: 'FAIRLEAD_OVERLOADED', retryAfterMs: 33 })
  })

  it('and in a header from a second on, rounded up', () => {
    expect(answerTo(999).headers).not.toHaveProperty('retry-after')
    expect(answerTo(1_000).headers).toHaveProperty('retry-after', '1')
    expect(answerTo(2_001).headers).toHaveProperty('retry-after', '3')
  })
})

describe('what a client is refused with', () => {
  it.each([
    [BAD_HOST, 400, 'FAIRLEAD_ARGUMENT'],
    [OLD_CODING, 400, 'FAIRLEAD_ARGUMENT'],
    [UPGRADE_WITH_BODY, 400, 'FAIRLEAD_ARGUMENT'],
    [UNKNOWN_CODING, 501, 'FAIRLEAD_ARGUMENT'],
    [NO_TUNNELS, 501, 'FAIRLEAD_ARGUMENT'],
    [UNKNOWN_EXPECTATION, 417, 'FAIRLEAD_ARGUMENT'],
    [TOO_MANY_FIELDS, 431, 'FAIRLEAD_ARGUMENT'],
    [NO_ROUTE, 404, 'FAIRLEAD_UNKNOWN_SERVICE'],
    [HEADERS_TIMEOUT, 408, 'FAIRLEAD_HEADERS_TIMEOUT'],
    [BODY_TIMEOUT, 408, 'FAIRLEAD_BODY_TIMEOUT'],
    [SEND_TIMEOUT, 408, 'FAIRLEAD_SEND_TIMEOUT'],
  ])('$message', (failure, status, code) => {
    expect(failure).toMatchObject({ status, code })
  })

  it('goes by what the parser says of its request', () => {
    expect(parseFailure('ERR_HTTP_REQUEST_TIMEOUT')).toBe(HEADERS_TIMEOUT)
    expect(parseFailure('HPE_HEADER_OVERFLOW')?.status).toBe(431)
    expect(parseFailure('HPE_CHUNK_EXTENSIONS_OVERFLOW')?.status).toBe(413)
    expect(parseFailure('HPE_INVALID_METHOD')?.status).toBe(400)
    expect(parseFailure('ECONNRESET')).toBeUndefined()
    expect(parseFailure(undefined)).toBeUndefined()
  })

  it('is a whole answer, the last of its connection', () => {
    const [head, body] = failureText(BAD_HOST).split('\r\n\r\n')
    expect(head.split('\r\n')).toEqual([
      'HTTP/1.1 400 Bad Request',
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ])
    expect(JSON.parse(body)).toEqual({ code: BAD_HOST.code, message: BAD_HOST.message })
  })
})

describe('the log of failures', () => {
  const failure = (code: string) => ({ status: 502, code, message: 'failed' })

  it('has the first of each code at once, and a second later how many more there were', () => {
    vi.useFakeTimers()
    try {
      const lines: string[] = []
      const log = new FailureLog((line) => lines.push(line))
      log.add(failure('A'), 'why')
      log.add(failure('A'), 'why not')
      log.add(failure('B'))
      log.add(failure('A'))
      expect(lines.splice(0)).toEqual(['502 A: failed (why)', '502 B: failed'])
      vi.advanceTimersByTime(999)
      expect(lines).toEqual([])
      vi.advanceTimersByTime(1)
      expect(lines.splice(0)).toEqual(['A: 2 more'])
      // And again from the beginning.
      log.add(failure('A'))
      expect(lines.splice(0)).toEqual(['502 A: failed'])
      log.add(failure('A'))
      vi.advanceTimersByTime(1000)
      expect(lines.splice(0)).toEqual(['A: 1 more'])
      vi.advanceTimersByTime(10_000)
      expect(lines).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })

  it('tells at the end what it has held back, and not a second time', () => {
    vi.useFakeTimers()
    try {
      const lines: string[] = []
      const log = new FailureLog((line) => lines.push(line))
      log.add(failure('A'))
      log.add(failure('A'))
      log.flush()
      expect(lines.splice(0)).toEqual(['502 A: failed', 'A: 1 more'])
      vi.advanceTimersByTime(500)
      log.add(failure('A'))
      log.add(failure('A'))
      expect(lines.splice(0)).toEqual(['502 A: failed'])
      // The timer that was set before the flush is not there any more.
      vi.advanceTimersByTime(600)
      expect(lines).toEqual([])
      vi.advanceTimersByTime(400)
      expect(lines).toEqual(['A: 1 more'])
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('the count of time-outs', () => {
  it('is by what clients failed to do', () => {
    const counts = new TimeoutCounts()
    expect(counts.any).toBe(false)
    expect(String(counts)).toBe('0 headers, 0 body, 0 send, 0 idle')
    counts.add('send')
    expect(counts.any).toBe(true)
    counts.add('send')
    counts.add('idle')
    expect(counts.any).toBe(true)
    expect(String(counts)).toBe('0 headers, 0 body, 2 send, 1 idle')
  })
})

describe('how long something has stood still', () => {
  it('is the time for which it was seen at one place', () => {
    const watch = new StallWatch()
    expect(watch.stillFor(5, 1_000)).toBe(0)
    expect(watch.stillFor(5, 1_300)).toBe(300)
    expect(watch.stillFor(5, 1_900)).toBe(900)
    expect(watch.stillFor(6, 2_000)).toBe(0)
    expect(watch.stillFor(6, 2_100)).toBe(100)
  })

  it('is nothing where nothing has to move, and begins anew after that', () => {
    const watch = new StallWatch()
    expect(watch.stillFor(undefined, 1_000)).toBe(0)
    expect(watch.stillFor(undefined, 5_000)).toBe(0)
    expect(watch.stillFor(0, 6_000)).toBe(0)
    expect(watch.stillFor(undefined, 7_000)).toBe(0)
    expect(watch.stillFor(0, 8_000)).toBe(0)
    expect(watch.stillFor(0, 8_500)).toBe(500)
  })

  it('is for a socket what the other side has taken, where it has not taken all', () => {
    expect(sendPosition({ bytesWritten: 100, writableLength: 0 })).toBeUndefined()
    expect(sendPosition({ bytesWritten: 100, writableLength: 30 })).toBe(70)
  })
})
