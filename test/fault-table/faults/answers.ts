/** Faults of HTTP/1.1 answers: how they begin, how they go on, how they end. */
import type { Exchange } from '../endpoint/exchange.js'
import { type Faults, onRequest } from '../endpoint/fault.js'

const BODY_BYTES = 64 * 1024
const HALF = Buffer.alloc(BODY_BYTES / 2, 'x')
const WHOLE = `content-length: ${BODY_BYTES}`
/** More than undici takes (16 KiB). */
const HUGE_HEADERS = 400
const TRICKLE_MS = 50
/** Bytes of a body that trickles to its end: 40 of them take two seconds. */
const TRICKLED_BYTES = 40
const FLOOD = 200

/** Repeats something until the connection is gone, or until it returns false. */
function repeat({ socket }: Exchange, everyMs: number, write: (count: number) => boolean): void {
  let count = 0
  const timer = setInterval(() => {
    if (socket.destroyed || !write(count++)) clearInterval(timer)
  }, everyMs)
}

/** Writes, and says nothing about whether the kernel has room. */
function send({ socket }: Exchange, text: string): true {
  socket.write(text)
  return true
}

/** The begin of a body, and something after it once it is on its way. */
function halfWay(exchange: Exchange, then: () => void): void {
  exchange.socket.write(exchange.head(WHOLE))
  exchange.socket.write(HALF, () => setTimeout(then, TRICKLE_MS))
}

/** Raw text as the whole answer, and then the end of the connection. */
const raw = (text: (exchange: Exchange) => string) =>
  onRequest((exchange) => void exchange.socket.end(text(exchange)))

export const ANSWER_FAULTS: Faults = {
  'reset-after-request': onRequest(({ socket }) => void socket.resetAndDestroy()),
  'close-after-request': onRequest(({ socket }) => void socket.end()),

  'hang-before-headers': onRequest(() => {}),
  'hang-in-headers': onRequest((exchange) => void exchange.socket.write(exchange.head(WHOLE).slice(0, 40))),
  'trickling-headers': onRequest((exchange) => {
    exchange.socket.write('HTTP/1.1 200 OK\r\n')
    repeat(exchange, TRICKLE_MS, (count) => send(exchange, `x-${count}: 1\r\n`))
  }),
  'informational-for-ever': onRequest((exchange) =>
    repeat(exchange, TRICKLE_MS, () => send(exchange, 'HTTP/1.1 103 Early Hints\r\n\r\n')),
  ),
  'informational-flood': onRequest((exchange) => {
    exchange.socket.write('HTTP/1.1 102 Processing\r\n\r\n'.repeat(FLOOD))
    exchange.answer()
  }),

  'reset-in-body': onRequest((exchange) => halfWay(exchange, () => exchange.socket.resetAndDestroy())),
  'close-in-body': onRequest((exchange) => halfWay(exchange, () => exchange.socket.end())),
  'hang-in-body': onRequest((exchange) => halfWay(exchange, () => {})),
  'trickling-body': onRequest((exchange) => {
    const response = exchange.begin(TRICKLED_BYTES)
    repeat(exchange, TRICKLE_MS, (count) => {
      if (count < TRICKLED_BYTES) response.write('x')
      else response.end()
      return count < TRICKLED_BYTES
    })
  }),

  'length-too-long': raw((exchange) => `${exchange.head('content-length: 100')}short`),
  'length-too-short': raw((exchange) => `${exchange.head('content-length: 5')}longer than that`),
  'length-and-chunks': raw(
    (exchange) =>
      `${exchange.head('content-length: 5', 'transfer-encoding: chunked')}5\r\nchunk\r\n0\r\n\r\n`,
  ),
  'two-lengths': raw((exchange) => `${exchange.head('content-length: 5', 'content-length: 6')}12345`),
  'broken-chunk': raw(
    (exchange) => `${exchange.head('transfer-encoding: chunked')}5\r\nchunk\r\nnot hex\r\n`,
  ),
  'last-chunk-missing': raw((exchange) => `${exchange.head('transfer-encoding: chunked')}5\r\nchunk\r\n`),

  garbage: raw(() => 'this is no answer of any protocol\r\n\r\n'),
  'status-of-four-digits': raw(() => 'HTTP/1.1 2000 Fine\r\ncontent-length: 0\r\n\r\n'),
  'huge-headers': raw((exchange) =>
    exchange.head(...Array(HUGE_HEADERS).fill(`x-filler: ${'x'.repeat(100)}`)),
  ),
  'unasked-101': raw(
    () => 'HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\n',
  ),
}
