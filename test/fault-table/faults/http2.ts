/** Faults of HTTP/2 sessions and streams. */
import { constants, type Http2Session, type ServerHttp2Session } from 'node:http2'
import { createServer as createTlsServer } from 'node:tls'
import { serverIdentity } from '../certificates.js'
import type { Exchange } from '../endpoint/exchange.js'
import { type Fault, type Faults, onConnection, onRequest } from '../endpoint/fault.js'

const { NGHTTP2_NO_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_REFUSED_STREAM } =
  constants
/** Requests that a session takes before it goes away. */
const REQUESTS_A_SESSION = 2
/** The stream id of the first notice of a graceful shutdown (RFC 9113, 6.8). */
const LAST_OF_ALL_STREAMS = 2 ** 31 - 1
/** Time between two steps of a fault, ms. */
const STEP_MS = 50
const SETTINGS_EVERY_MS = 5

const counts = new WeakMap<Http2Session, number>()

/** The how-manieth request of its session this one is. */
function countOf({ stream }: Exchange): number {
  const session = stream.session!
  const count = (counts.get(session) ?? 0) + 1
  counts.set(session, count)
  return count
}

const later = (step: () => void): void => void setTimeout(step, STEP_MS)
const destroy = (session: Http2Session | undefined): void => void (session?.destroyed || session?.destroy())
const sessionOf = ({ stream }: Exchange): ServerHttp2Session | undefined =>
  stream.session as ServerHttp2Session | undefined

/** A server that says `h2` in the handshake and then no word of it. */
const liar = createTlsServer({ ...serverIdentity('good'), ALPNProtocols: ['h2'] }, (socket) => {
  socket.on('error', () => {}).end('this is no frame of any protocol, however long one looks at it')
}).on('tlsClientError', () => {})

const withStreams = (maxConcurrentStreams: number): Fault => ({
  begin: (endpoint) => endpoint.cutConnections(),
  session: (session) => session.settings({ maxConcurrentStreams }),
})

const reset = (code: number): Fault => onRequest(({ stream }) => stream.close(code))

export const HTTP2_FAULTS: Faults = {
  'h2-hang-before-headers': onRequest(() => {}),
  'h2-hang-in-body': onRequest((exchange) => {
    exchange.stream.respond(exchange.streamHeaders)
    exchange.stream.write('half')
  }),
  'h2-reset-stream': reset(NGHTTP2_INTERNAL_ERROR),
  'h2-refused-stream': { refuses: () => true, ...reset(NGHTTP2_REFUSED_STREAM) },
  'h2-reset-in-body': onRequest((exchange) => {
    const { stream } = exchange
    stream.respond(exchange.streamHeaders)
    stream.write('half', () => later(() => stream.close(NGHTTP2_INTERNAL_ERROR)))
  }),
  // As a server that is shut down with care: a notice first, then the last stream's id once no new one can come.
  'h2-goaway-graceful': onRequest((exchange) => {
    const session = sessionOf(exchange)
    if (countOf(exchange) === REQUESTS_A_SESSION) {
      session?.goaway(NGHTTP2_NO_ERROR, LAST_OF_ALL_STREAMS)
      later(() => void (session?.destroyed || session?.close()))
    }
    exchange.answer()
  }),
  // The session ends at once, and says which streams were not acted on.
  'h2-goaway-unprocessed': {
    refuses: (exchange) => countOf(exchange) >= REQUESTS_A_SESSION,
    request(exchange) {
      const session = sessionOf(exchange)
      const count = counts.get(session!) ?? 0
      if (count < REQUESTS_A_SESSION) return exchange.answer()
      if (count === REQUESTS_A_SESSION) {
        session?.goaway(NGHTTP2_NO_ERROR, exchange.stream.id! - 2)
        later(() => destroy(session))
      }
    },
  },
  'h2-goaway-error': onRequest((exchange) => {
    const session = sessionOf(exchange)
    if (countOf(exchange) < REQUESTS_A_SESSION) return exchange.answer()
    session?.goaway(NGHTTP2_ENHANCE_YOUR_CALM, exchange.stream.id)
    later(() => destroy(session))
  }),
  'h2-connection-cut': onRequest((exchange, endpoint) => {
    if (countOf(exchange) < REQUESTS_A_SESSION) exchange.answer()
    else endpoint.cutConnections()
  }),
  'h2-no-streams': withStreams(0),
  'h2-one-stream': withStreams(1),
  'h2-settings': {
    begin: (endpoint) => endpoint.cutConnections(),
    session(session) {
      let count = 0
      const timer = setInterval(() => {
        if (session.closed || session.destroyed) return clearInterval(timer)
        session.settings({
          headerTableSize: count % 2 === 0 ? 0 : 4_096,
          initialWindowSize: count % 2 === 0 ? 1 : 65_535,
          maxConcurrentStreams: 1 + (count++ % 3),
        })
      }, SETTINGS_EVERY_MS)
    },
  },
  'h2-garbage': onConnection((socket) => void liar.emit('connection', socket)),
  'h2-status-503': onRequest((exchange) => exchange.answer(503)),
}
