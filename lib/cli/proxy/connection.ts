import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { RawHeaders } from '../../clients/handler.js'
import type { Exchange } from './exchange.js'
import {
  answerFailure,
  BODY_TIMEOUT,
  type Failure,
  failureText,
  HEADERS_TIMEOUT,
  parseFailure,
  SEND_TIMEOUT,
} from './failure.js'
import type { Peer } from './forwarded.js'
import { endConnectionAfter, endLingering, LINGER_MS, lingerAtEnd } from './last-answer.js'
import { StallWatch, sendPosition } from './stall-watch.js'
import { Tunnel } from './tunnel.js'

/** Requests that one connection may have waiting behind the one that is served. Those beyond are never taken. */
const MAX_WAITING = 1_000
/** What a client may send ahead of an agreed upgrade before it is read no more. */
const MAX_EARLY_BYTES = 64 * 1024

/** A request that has come, until its answer has gone. */
interface Turn {
  readonly request: IncomingMessage
  /** undefined for an upgrade, whose answer is made when its turn comes. */
  response: ServerResponse | undefined
  /** Serves it; undefined where it was answered at once. */
  readonly begin: () => Exchange | undefined
  exchange?: Exchange
  /** Found at fault while it was waiting. */
  refusal?: Failure
}

export interface ClientTimeouts {
  /** ms without a byte of a request's body; 0: no limit. */
  readonly bodyMs: number
  /** ms in which a client does not take a byte of what is sent to it; 0: no limit. */
  readonly sendMs: number
}

/**
 * A client's connection: serves its requests one after the other, in their order (RFC 9112, 9.3.2), whatever the client
 * has sent ahead. Node's parser hands out requests as it reads them, and lets go of the connection at an upgrade.
 */
export class ClientConnection {
  readonly socket: Socket
  readonly peer: Peer
  readonly #onTimeout: (failure: Failure) => void
  readonly #turns: Turn[] = []
  readonly #sending = new StallWatch()
  readonly #receiving = new StallWatch()
  /** What came after a request for an upgrade. */
  readonly #early: Buffer[] = []
  #upgrade: Turn | undefined
  #tunnel: Tunnel | undefined
  /** What the client has sent last cannot be understood: the answer to that ends the connection. */
  #refusal: Failure | undefined
  #full = false
  #closing = false

  /** @param onTimeout told of each time-out that ends a request or the connection */
  constructor(socket: Socket, peer: Peer, onTimeout: (failure: Failure) => void) {
    this.socket = socket
    this.peer = peer
    this.#onTimeout = onTimeout
    // For as long as it lives: Node takes its own listener off at an upgrade and after an error.
    socket.on('error', () => {})
    socket.once('close', () => {
      this.#turns.length = 0
    })
  }

  /** No request has come that is still to be answered. */
  get isIdle(): boolean {
    return this.#turns.length === 0 && this.#tunnel === undefined
  }

  /** The answer that is under way is the last before the server closes. */
  get isLast(): boolean {
    return this.#closing && this.#turns.length === 1
  }

  add(request: IncomingMessage, response: ServerResponse, begin: () => Exchange | undefined): void {
    // What breaks a body is told by `RequestBody`, to whom it may concern.
    request.on('error', () => {})
    if (this.#full) return
    if (this.#turns.length > MAX_WAITING) return this.#overrun(request)
    const turn: Turn = { request, response, begin }
    response.on('close', () => this.#ended(turn))
    this.#push(turn)
  }

  /**
   * A request for an upgrade, at which Node has let go of the connection, though answers to earlier requests may still
   * be under way on it.
   */
  addUpgrade(request: IncomingMessage, head: Buffer, begin: () => Exchange | undefined): void {
    const turn: Turn = { request, response: undefined, begin }
    request.on('error', () => {})
    this.#upgrade = turn
    if (head.length > 0) this.#early.push(head)
    this.socket.on('drain', this.#drained).on('data', this.#cameEarly).on('end', this.#left)
    this.#push(turn)
  }

  /** The response to the upgrade whose turn it is. */
  answerUpgradeWith(response: ServerResponse): void {
    const turn = this.#turns[0]
    turn.response = response
    response.shouldKeepAlive = false
    response.assignSocket(this.socket)
    response.once('finish', () => endLingering(this.socket))
    response.once('close', () => this.#ended(turn))
  }

  /** The endpoint agrees to the upgrade: its connection and the client's are joined. */
  join(endpoint: Socket, raw: RawHeaders): void {
    const { socket } = this
    this.#turns[0]?.response?.detachSocket(socket)
    this.#turns.length = 0
    socket.off('drain', this.#drained)
    this.#tunnel = new Tunnel(socket, this.takeBack(), endpoint, raw)
  }

  /** Gives up reading what comes after the upgrade's head, and returns what has come. */
  takeBack(): Buffer[] {
    this.socket.off('data', this.#cameEarly).off('end', this.#left).off('drain', this.#drained)
    this.#upgrade = undefined
    return this.#early.splice(0)
  }

  /** The turn of an upgrade that is passed over is at its end: it comes back as an ordinary request. */
  passOver(): void {
    this.#turns.shift()
  }

  /** Node's parser, or the socket, says that it cannot go on. */
  parseFailed({ code }: NodeJS.ErrnoException): void {
    // Data after the last request (`connection: close`) is no fault of that request (RFC 9112, 9.6).
    if (code === 'HPE_CLOSED_CONNECTION') return lingerAtEnd(this.socket)
    const failure = parseFailure(code)
    if (failure === undefined) return void this.socket.destroy()
    if (this.#refusal !== undefined) return
    this.#refusal = failure
    if (failure === HEADERS_TIMEOUT) this.#onTimeout(failure)
    const last = this.#turns.at(-1)
    if (last === undefined) return this.#refuse(failure)
    if (last.request.complete) return
    last.refusal = failure
    last.exchange?.fail(failure)
  }

  /** No new requests: ends at once when it is idle, else after the answers to what has come. */
  close(): void {
    this.#closing = true
    if (this.isIdle) this.socket.destroy()
  }

  /** Looks whether the client has stood still for too long. */
  check(nowMs: number, { bodyMs, sendMs }: ClientTimeouts): void {
    const { socket } = this
    const stillMs = this.#tunnel?.stillFor(nowMs) ?? this.#sending.stillFor(sendPosition(socket), nowMs)
    if (sendMs > 0 && stillMs >= sendMs) {
      this.#onTimeout(SEND_TIMEOUT)
      // What has not been taken by now is thrown away, in the kernel too.
      socket.resetAndDestroy()
      return
    }
    const exchange = this.#turns[0]?.exchange
    if (this.#receiving.stillFor(exchange?.awaited, nowMs) < bodyMs || bodyMs === 0) return
    this.#onTimeout(BODY_TIMEOUT)
    exchange?.fail(BODY_TIMEOUT)
  }

  #push(turn: Turn): void {
    this.#turns.push(turn)
    if (this.#turns.length === 1) this.#begin(turn)
  }

  #begin(turn: Turn): void {
    const { response, refusal } = turn
    if (refusal === undefined) turn.exchange = turn.begin()
    else if (response !== undefined) {
      endConnectionAfter(response)
      answerFailure(response, refusal)
    }
  }

  #ended(turn: Turn): void {
    if (this.#turns[0] !== turn) return
    this.#turns.shift()
    const { socket } = this
    if (socket.destroyed || socket.writableEnded) return
    // The rest of its body is in the way of the next request.
    if (!turn.request.complete) return this.#awaitBody(turn.request)
    const next = this.#turns[0]
    if (next !== undefined) this.#begin(next)
    else if (this.#refusal !== undefined) this.#refuse(this.#refusal)
    else if (this.#closing) socket.destroySoon()
  }

  /** It has been answered before it was complete, and its body is being dropped: not for long. */
  #awaitBody(request: IncomingMessage): void {
    const { socket } = this
    if (this.#closing || this.#refusal !== undefined) return endLingering(socket)
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
    request.once('end', () => clearTimeout(timer))
  }

  #refuse(failure: Failure): void {
    const { socket } = this
    // To a client that has said nothing there is nothing to say.
    if (!socket.writable || socket.bytesRead === 0) return void socket.destroy()
    socket.write(failureText(failure))
    endLingering(socket)
  }

  /** More requests ahead than are kept: those that were taken are answered, and the rest is dropped unread. */
  #overrun(request: IncomingMessage): void {
    const { socket } = this
    this.#full = true
    request.resume()
    const last = this.#turns.at(-1)?.response
    if (last !== undefined) last.shouldKeepAlive = false
    lingerAtEnd(socket)
    // Once Node's parser is through with what it has. It would make a request and a response of each of them.
    setImmediate(() => {
      const drop = (): void => {}
      // Takes the socket away from the parser, which reads it on its own as long as nobody else listens.
      socket.on('data', drop)
      socket.removeAllListeners('data').on('data', drop).resume()
    })
  }

  readonly #drained = (): void => void this.#turns[0]?.response?.emit('drain')

  readonly #cameEarly = (chunk: Buffer): void => {
    // A refused upgrade ends the connection: what still comes is dropped.
    if (this.#turns[0]?.response?.writableEnded || this.#upgrade === undefined) return
    this.#early.push(chunk)
    const bytes = this.#early.reduce((sum, { length }) => sum + length, 0)
    if (bytes > MAX_EARLY_BYTES) this.socket.pause()
  }

  readonly #left = (): void => {
    // Nobody is there any more to speak the new protocol with.
    if (this.#turns[0]?.response?.writableEnded !== true) this.socket.destroy()
  }
}
