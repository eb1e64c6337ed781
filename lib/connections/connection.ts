import type { ClientHttp2Session } from 'node:http2'
import type { Socket } from 'node:net'
import type { Client, Dispatcher } from 'undici'
import { loadUndici } from '../runtime/lazy.js'
import { type Connect, type PoolOptions, watched } from './connector.js'
import { raceMs } from './idle-close.js'

/** Streams of an HTTP/2 connection unless `maxConcurrentStreams` says otherwise (undici's). */
const DEFAULT_STREAMS = 100
/** An endpoint that has not said by then how many streams it allows has one on each connection, ms. */
const SETTINGS_WAIT_MS = 1_000
/** Codes of errors that tell of the end of a connection. */
const LOST_CODES: readonly unknown[] = ['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']

const isLoss = (error: unknown): boolean =>
  LOST_CODES.includes((error as { code?: unknown } | null | undefined)?.code)

const ignore = (): void => {}

/** What a connection tells the pool that it belongs to. */
export interface ConnectionOwner {
  /** It can take requests. */
  opened(connection: Connection): void
  /** It has room for a request more than before. */
  freed(connection: Connection): void
  /** It does not say how many streams it allows, though it has had the time. */
  overdue(): void
  /** It could not be opened at all. What it carried was told so already. */
  failed(connection: Connection, error: Error): void
  /** It is closed, and no use any more. */
  gone(connection: Connection): void
  /** Its socket is closed, or was never opened; after it was dropped. */
  ended(connection: Connection): void
}

/**
 * One connection to an endpoint: an undici `Client`, which has one socket at a time. It carries one request at a time, or as
 * many as `pipelining` or HTTP/2 allow; then it is *shared*.
 */
export class Connection {
  /** Requests on it, those that wait for it to open included. */
  active = 0
  isOpen = false
  /** No new requests: it closes when those on it have ended. */
  isRetired = false
  /** It was closed while it was good, so that another could be opened elsewhere. */
  isYielded = false
  /** It speaks HTTP/2. */
  isH2 = false
  /** When it is to be replaced, on the clock of `performance.now()`. */
  expiresAt = Number.POSITIVE_INFINITY
  readonly #owner: ConnectionOwner
  readonly #client: Client
  /** Requests over HTTP/1.1 at a time. */
  readonly #pipelining: number
  /** Streams at a time: those that are configured, and those that the endpoint allows too. */
  readonly #maxStreams: number
  #streams = 1
  #awaitsSettings = false
  #socket: Socket | undefined
  /** Over HTTP/2, where undici shows it. */
  #session: ClientHttp2Session | undefined
  /** The last stream that the endpoint has acted on, as its GOAWAY says. */
  #lastProcessed = Number.POSITIVE_INFINITY
  #connectMs = 0
  #hasOpened = false
  /** An answer has come over this socket. */
  #hasAnswered = false
  /** Its end was told to a request. */
  #isLossTold = false
  /** The last request had it for itself. */
  #isSole = true
  /** Sockets that are open or being opened: one at a time, or none. */
  #sockets = 0
  /** The pool has no use for it any more, */
  #isDropped = false
  /** and was told that its socket is closed. */
  #hasEnded = false

  constructor(owner: ConnectionOwner, url: string, options: PoolOptions, connect: Connect) {
    this.#owner = owner
    this.#pipelining = options.pipelining || 1
    this.#maxStreams = options.maxConcurrentStreams ?? DEFAULT_STREAMS
    this.#client = new (loadUndici().Client)(url, {
      ...clientOptions(options),
      connect: this.#counted(watched(connect, (socket, connectMs) => this.#connected(socket, connectMs))),
    })
    this.#client.on('connect', () => this.#opened())
    this.#client.on('disconnect', (_origin, _targets, error) => this.#lost(error))
    this.#client.on('connectionError', (_origin, _targets, error) => this.#failed(error))
  }

  /** Requests that it may carry at a time. */
  get capacity(): number {
    return this.isH2 ? this.#streams : this.#pipelining
  }

  /** Whether it is known how many requests it carries. */
  get isSettled(): boolean {
    return this.isOpen && !this.#awaitsSettings
  }

  /** Whether a request may go out on it now. */
  get isUsable(): boolean {
    return this.isOpen && !this.isRetired && this.#socket?.destroyed === false
  }

  /** Sends a request. Whoever sees its end tells it by `complete`, `requestFailed` or `upgraded`. */
  send(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.#isSole = this.active++ === 0
    // undici would hold others back on their account, which is for pipelining: streams do not wait for one another.
    const sent = this.isH2 && !isSafe(options.method) ? { ...options, idempotent: true } : options
    this.#client.dispatch(sent, handler)
  }

  /** A request's answer is whole. The next request may be sent at once: undici waits for a turn of the loop with it. */
  complete(): void {
    this.active--
    this.#hasAnswered = true
    this.#owner.freed(this)
  }

  /** A request failed; `isWritten`: it had been written, in part at least. HTTP/1.1 then has no more use for the connection. */
  requestFailed(isWritten: boolean): void {
    this.active--
    const isSpent = isWritten && !this.isH2 && this.#pipelining === 1
    if (!isSpent && this.isOpen) return this.#owner.freed(this)
    if (this.active > 0) return
    this.isRetired = true
    // undici is in the middle of it, and must not be interrupted.
    queueMicrotask(() => {
      if (!this.isOpen) this.#owner.gone(this)
      void this.destroy()
    })
  }

  /** A request turned the connection, or a stream of it, into something else. */
  upgraded(socket: { once(event: 'close', listener: () => void): unknown }): void {
    if (this.isH2) {
      socket.once('close', () => this.complete())
      return
    }
    this.active--
    this.isRetired = true
    this.#owner.gone(this)
  }

  /** The pool has no use for it any more. Its socket may be open still: it is a request's own, or has to be closed first. */
  drop(): void {
    this.#isDropped = true
    this.#tellEnd()
  }

  /** Closes it when the requests on it have ended. */
  retire(): void {
    if (this.isRetired) return
    this.isRetired = true
    this.#client.close(ignore)
  }

  /** Cuts off what is on it. */
  destroy(error: Error | null = null): Promise<void> {
    this.isRetired = true
    return new Promise((resolve) => this.#client.destroy(error, () => resolve()))
  }

  /**
   * Whether a request failed because the endpoint closed this connection, which had been idle, at that moment. That is no
   * failure of the endpoint.
   * @param elapsedMs since the request was written
   * @param isAnswering whether the answer had begun
   */
  isIdleClose(error: unknown, elapsedMs: number, isAnswering: boolean): boolean {
    if (isAnswering || !this.#hasAnswered || !this.#isSole) return false
    return isLoss(error) && elapsedMs <= raceMs(this.#connectMs)
  }

  /** Whether another request was told of the same loss: a shared connection takes all of them along. */
  isSameLoss(error: unknown): boolean {
    if (!isLoss(error)) return false
    const wasTold = this.#isLossTold
    this.#isLossTold = true
    return wasTold
  }

  /** The stream that the next request over HTTP/2 will be; 0 where that is not known. */
  get nextStreamId(): number {
    return this.#session?.state.nextStreamID ?? 0
  }

  /** Whether the endpoint said by GOAWAY that it has not acted on that stream (RFC 9113, 6.8). */
  hasNotProcessed(streamId: number): boolean {
    return streamId > this.#lastProcessed
  }

  /** `connect`, and keeps count of the sockets that come of it, whatever undici makes of them. */
  #counted(connect: Connect): Connect {
    const closed = () => {
      this.#sockets--
      this.#tellEnd()
    }
    return (target, callback) => {
      this.#sockets++
      return connect(target, (error: Error | null, socket?: Socket | null) => {
        if (error !== null || !socket) {
          callback(error as Error, null)
          return closed()
        }
        socket.once('close', closed)
        callback(null, socket)
      })
    }
  }

  #tellEnd(): void {
    if (!this.#isDropped || this.#sockets > 0 || this.#hasEnded) return
    this.#hasEnded = true
    this.#owner.ended(this)
  }

  #connected(socket: Socket, connectMs: number): void {
    this.#socket = socket
    this.#connectMs = connectMs
    this.isH2 = (socket as { alpnProtocol?: unknown }).alpnProtocol === 'h2'
  }

  #opened(): void {
    this.isOpen = true
    this.#hasOpened = true
    this.#hasAnswered = false
    this.#isLossTold = false
    if (this.isH2) this.#awaitSettings()
    this.#owner.opened(this)
  }

  /** Until the endpoint has said how many streams it allows there is one: those beyond would be refused. */
  #awaitSettings(): void {
    this.#client.pipelining = this.#maxStreams
    const session = this.#socket && sessionOf(this.#socket)
    this.#session = session
    this.#lastProcessed = Number.POSITIVE_INFINITY
    if (session === undefined) {
      this.#streams = this.#maxStreams
      return
    }
    // Before undici's own listener, which fails the requests.
    session.prependListener('goaway', (_code: number, lastStreamId: number) => {
      this.#lastProcessed = Math.min(this.#lastProcessed, lastStreamId)
    })
    this.#streams = 1
    this.#awaitsSettings = true
    const timer = setTimeout(() => {
      this.#owner.overdue()
      this.#settled()
    }, SETTINGS_WAIT_MS).unref()
    session.once('close', () => clearTimeout(timer))
    session.on('remoteSettings', ({ maxConcurrentStreams = Number.POSITIVE_INFINITY }) => {
      clearTimeout(timer)
      // 0 is a pause: a stream that waits for its end beats connections without end.
      this.#streams = Math.max(1, Math.min(this.#maxStreams, maxConcurrentStreams))
      this.#settled()
    })
  }

  #settled(): void {
    this.#awaitsSettings = false
    this.#owner.freed(this)
  }

  #lost(error: Error): void {
    this.isOpen = false
    // undici connects once more for requests that it has not written yet; over HTTP/2 for written ones too.
    if (this.active > 0 && !this.isH2 && !this.isRetired) return
    this.#owner.gone(this)
    void this.destroy(error)
  }

  /** undici says so too of an HTTP/2 connection that the endpoint ends. */
  #failed(error: Error): void {
    if (this.#hasOpened) this.#owner.gone(this)
    else this.#owner.failed(this, error)
  }
}

function clientOptions({
  connections: _,
  maxConnectionAgeMs: __,
  connect: ___,
  ...options
}: PoolOptions): Client.Options {
  return options
}

const isSafe = (method: string): boolean => method === 'GET' || method === 'HEAD'

/** Of a socket that speaks HTTP/2: undici keeps the session on it, and so does Node. */
function sessionOf(socket: Socket): ClientHttp2Session | undefined {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    const value = (socket as unknown as Record<symbol, unknown>)[symbol]
    if (typeof value === 'object' && value !== null && 'remoteSettings' in value)
      return value as ClientHttp2Session
  }
  return undefined
}
