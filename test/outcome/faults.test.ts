import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { verdictOf, verdictOfStatus } from '../../lib/outcome/classify.js'
import { FAULT_ROWS, faultOf, type Phase } from '../../lib/outcome/faults.js'

const failure = (code: string | undefined, message = 'it failed', rest: object = {}): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code }, rest)

/** An error as it is met for each row of the table, by its number. */
const examples: readonly (readonly [row: number, error: Error, phase: Phase])[] = [
  [0, failure('UND_ERR_INVALID_ARG'), 'connecting'],
  [0, failure('UND_ERR_RES_EXCEEDED_MAX_SIZE'), 'body'],
  [0, failure('UND_ERR_ABORTED'), 'sent'],
  [1, failure('EMFILE', 'connect EMFILE 127.0.0.1:80'), 'connecting'],
  [1, failure('EADDRNOTAVAIL'), 'connecting'],
  [
    1,
    Object.assign(new AggregateError([failure('ENOBUFS'), failure('ENOBUFS')]), { code: 'ENOBUFS' }),
    'connecting',
  ],
  [1, new AggregateError([failure('EMFILE')]), 'connecting'],
  [2, failure('ENOBUFS'), 'sent'],
  [3, failure('UND_ERR_DESTROYED'), 'connecting'],
  [4, failure('UND_ERR_CLOSED'), 'sent'],
  [5, failure('ERR_HTTP2_STREAM_ERROR', 'Stream closed with error code NGHTTP2_REFUSED_STREAM'), 'sent'],
  [5, failure('UND_ERR_INFO', 'HTTP/2: "stream error" received - code 7'), 'sent'],
  [6, failure('UND_ERR_SOCKET', 'HTTP/2: "GOAWAY" frame received with code 0'), 'sent'],
  [7, failure('ERR_HTTP2_OUT_OF_STREAMS'), 'sent'],
  [8, failure('UND_ERR_CONNECT_TIMEOUT'), 'connecting'],
  [9, failure('ECONNREFUSED'), 'connecting'],
  [9, failure('CERT_HAS_EXPIRED'), 'connecting'],
  [9, failure('ENOTFOUND'), 'connecting'],
  [9, failure(undefined), 'connecting'],
  [10, failure('UND_ERR_HEADERS_TIMEOUT'), 'sent'],
  [10, failure('FAIRLEAD_DEADLINE'), 'sent'],
  [11, failure('ECONNRESET'), 'sent'],
  [11, failure('UND_ERR_SOCKET', 'other side closed'), 'sent'],
  [11, failure('HPE_INVALID_CONSTANT'), 'sent'],
  [11, failure('ERR_HTTP2_STREAM_ERROR', 'Stream closed with error code NGHTTP2_INTERNAL_ERROR'), 'sent'],
  [12, failure('UND_ERR_SOCKET', 'HTTP/2: "GOAWAY" frame received with code 0'), 'body'],
  [13, failure('UND_ERR_SOCKET', 'other side closed'), 'body'],
  [13, failure('UND_ERR_BODY_TIMEOUT'), 'body'],
  [13, failure('UND_ERR_RES_CONTENT_LENGTH_MISMATCH'), 'body'],
]

describe('the table of faults', () => {
  it.each(examples)('row %i fits %s, %s', (row, error, phase) => {
    expect(FAULT_ROWS.indexOf(faultOf(error, phase))).toBe(row)
  })

  it('has an example for each row', () => {
    const rows = new Set(examples.map(([row]) => row))
    expect([...FAULT_ROWS.keys()].filter((row) => !rows.has(row))).toEqual([])
  })

  it.each<Phase>(['connecting', 'sent', 'body'])('takes anything in phase %s, an error or not', (phase) => {
    for (const thrown of [null, undefined, 7, 'text', {}, { code: 7 }, { errors: [null] }])
      expect(faultOf(thrown, phase).fault).toBe('endpoint')
  })

  it('is the one in docs/outcomes.md', () => {
    const page = readFileSync(new URL('../../docs/outcomes.md', import.meta.url), 'utf8')
    const lines = FAULT_ROWS.map(({ codes, message, phases, protocol, fault, verdict, again, about }) => {
      const which = codes?.map((code) => `\`${code}\``).join(', ') ?? 'any other'
      const said = message === undefined ? '' : ` with \`${String(message).replaceAll('|', '\\|')}\``
      return `| ${which}${said} | ${phases.join(', ')} | ${protocol ?? 'any'} | ${fault} | ${verdict} | ${again} | ${about} |`
    })
    for (const line of lines) expect(page).toContain(line)
    expect(page.match(/^\| `(UND|E[A-Z]|ERR)|^\| any other/gm)).toHaveLength(lines.length)
  })
})

describe('verdicts by status', () => {
  it.each([
    [200, 'success'],
    [304, 'success'],
    [404, 'success'],
    [429, 'throttled'],
    [500, 'status'],
    [501, 'status'],
    [502, 'gateway'],
    [503, 'gateway'],
    [504, 'gateway'],
  ] as const)('%i: %s', (status, verdict) => {
    expect(verdictOfStatus(status)).toBe(verdict)
    expect(verdictOf({ status })).toBe(verdict)
    expect(verdictOf({ ok: true, status })).toBe('success')
  })

  it('of outcomes without a status', () => {
    expect([undefined, {}, { ok: true }, { ok: false }, { ok: false, status: 200 }].map(verdictOf)).toEqual([
      'success',
      'success',
      'success',
      'local-origin',
      'status',
    ])
  })
})
