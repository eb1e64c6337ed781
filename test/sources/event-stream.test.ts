import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventReader } from '../../lib/sources/event-stream.js'

const MAX = 1_000
const bytes = (text: string): Uint8Array => Buffer.from(text)

/** What all of a stream brings, chunk by chunk: the last data, ids and so on. */
function read(...chunks: (string | Uint8Array)[]) {
  const reader = new EventReader(MAX)
  const heard = chunks.map((chunk) => reader.push(typeof chunk === 'string' ? bytes(chunk) : chunk))
  return {
    data: heard.map(({ data }) => data),
    alive: heard.map(({ isAlive }) => isAlive),
    lastEventId: reader.lastEventId,
    retryMs: reader.retryMs,
  }
}

describe('a message', () => {
  it.each([
    ['of one line', 'data: a\n\n', 'a'],
    ['without the space', 'data:a\n\n', 'a'],
    ['with two spaces, of which one is its own', 'data:  a\n\n', ' a'],
    ['of several lines', 'data: a\ndata\ndata: b\n\n', 'a\n\nb'],
    ['ended by carriage returns', 'data: a\rdata: b\r\r', 'a\nb'],
    ['ended by both', 'data: a\r\ndata: b\r\n\r\n', 'a\nb'],
    ['after a byte order mark', '\ufeffdata: a\n\n', 'a'],
    ['that says its type', 'event: message\ndata: a\n\n', 'a'],
    ['with fields of others, and a comment', 'x: y\n: c\ndata: a\nxy\n\n', 'a'],
    ['after one of another type', 'event: ping\ndata: x\n\ndata: a\n\n', 'a'],
    ['the last of those that come at once', 'data: a\n\ndata: b\n\n', 'b'],
  ])('%s', (_, text, data) => {
    expect(read(text).data).toEqual([data])
  })

  it('may come in pieces, even of characters', () => {
    const all = bytes('data: zürich\r\n\r\n')
    const middle = all.indexOf(0xc3) + 1
    const end = all.length - 3
    expect(read(all.subarray(0, middle), all.subarray(middle, end), all.subarray(end)).data).toEqual([
      undefined,
      undefined,
      'zürich',
    ])
  })

  it.each([
    'data: a\n',
    'data: a',
    'event: ping\ndata: x\n\n',
    'id: 1\n\n',
    ': hello\n\n',
    'retry: 1\n\n',
    '\n\n',
  ])('%j is none', (text) => {
    expect(read(text).data).toEqual([undefined])
  })

  it('goes on where an end of a line is cut in two', () => {
    expect(read('data: a\r', '\ndata: b\r\n\r', '\n', '\n').data).toEqual([
      undefined,
      'a\nb',
      undefined,
      undefined,
    ])
    expect(read('data: a\r', '\r').data).toEqual([undefined, 'a'])
  })

  it('is the same however the stream is cut', () => {
    const line = fc.constantFrom(
      'data: ü',
      'data',
      'data:x',
      ': c',
      'event: ping',
      'id: 7',
      'retry: 9',
      'y',
      '',
    )
    const end = fc.constantFrom('\n', '\r', '\r\n')
    const text = fc.array(fc.tuple(line, end), { maxLength: 40 }).map((all) => all.flat().join(''))
    fc.assert(
      fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (stream, cuts) => {
        const all = bytes(`${stream}\n\ndata: last\n\n`)
        const at = [0, ...cuts.filter((cut) => cut < all.length).sort((a, b) => a - b), all.length]
        const whole = read(all)
        const pieces = read(...at.slice(1).map((to, i) => all.subarray(at[i], to)))
        expect(pieces.data.findLast((data) => data !== undefined)).toBe('last')
        expect(whole.data).toEqual(['last'])
        expect([pieces.lastEventId, pieces.retryMs]).toEqual([whole.lastEventId, whole.retryMs])
        expect(pieces.alive.some(Boolean)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

it.each([
  ['a comment', ':\n', true],
  ['an event of any type', 'event: ping\ndata: x\n\n', true],
  ['a field', 'id: 1\n', false],
  ['an event without data', 'event: ping\n\n', false],
  ['what is no event', '<html>\n\n', false],
  ['half a comment', ': x', false],
])('%s: a sign of life is %s', (_, text, alive) => {
  expect(read(text).alive).toEqual([alive])
})

it('keeps the id of the last event that has one, as soon as that has ended', () => {
  expect(read('id: 1\ndata: a\n\ndata: b\n\n').lastEventId).toBe('1')
  expect(read('id: 1\ndata: a\n\nid: 2\ndata: b\n').lastEventId).toBe('1')
  expect(read('id: 1\n\nid\n\n').lastEventId).toBe('')
})

it.each(['a\u0000b', 'ü', 'x'.repeat(257), '\u0007'])(
  'does not keep the id %j, which no header may hold',
  (id) => {
    expect(read(`id: 1\n\nid: ${id}\n\n`).lastEventId).toBe('1')
  },
)

it.each([
  ['1500', 1500],
  ['soon', undefined],
  ['-1', undefined],
  ['1e3', undefined],
  ['9'.repeat(16), undefined],
])('retry %s is %s', (retry, ms) => {
  expect(read(`retry: ${retry}\n`).retryMs).toBe(ms)
})

describe('what is too long ends it', () => {
  const endless = (chunk: string) => () => {
    const reader = new EventReader(MAX)
    for (let sent = 0; sent <= 20 * MAX; sent += chunk.length) reader.push(bytes(chunk))
  }

  it.each([
    ['a line without an end', 'x'],
    ['a comment without an end', `:${'x'.repeat(9)}`],
    ['an event without an end', 'data: xxxxxxxxxxx\n'],
    ['an event of empty lines without an end', 'data\ndata\n'],
  ])('%s', (_, chunk) => {
    expect(endless(chunk)).toThrow('an event has more than 1000 characters, the most that are taken')
  })

  it('and not what ends', () => {
    expect(endless('data: xxxxxxx\n\n')).not.toThrow()
    expect(endless(': c\n')).not.toThrow()
    expect(endless('\n')).not.toThrow()
    expect(endless('\r')).not.toThrow()
  })
})
