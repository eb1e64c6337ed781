import type { Duplex } from 'node:stream'
import { ArgumentError } from '../errors.js'
import type { Lease } from '../lease.js'
import type { BalancedRequest } from './balanced-request.js'
import { isCallersFault, isCallersTimeOut, isOwnDoing, isTimeOut } from './fault.js'
import type { Abort, Handler, RawHeaders } from './handler.js'
import { mayHaveLocation, rewriteLocation } from './location.js'

/** A refused answer's body is read up to this size, so that its connection stays usable; beyond it the connection goes. */
const MAX_DISCARDED_BYTES = 64 * 1024
const FIRST_FINAL_STATUS = 200
const FIRST_SERVER_ERROR = 500
const NO_SAMPLE = -1

/**
 * One try of a request on one endpoint: undici's handler for it, and the place where the try's outcome is decided.
 *
 * - Answered below 500: success. 500 and above: status failure. Either way latency is the time to the headers, taken
 *   for successes, and the place on the endpoint is given back when the whole body has come.
 * - No connection, connection lost, answer cut short, time-out: local-origin failure.
 * - Aborted by the caller, refused because of the caller's arguments, or broken by what the caller's own body or
 *   handler threw: cancelled.
 */
export class Attempt implements Handler {
  readonly lease: Lease
  readonly #request: BalancedRequest
  #abort: Abort | undefined
  #status = 0
  #latencyMs = NO_SAMPLE
  /** Its answer was refused and another try is under way: what still comes is thrown away. */
  #discarding = false
  #discardedBytes = 0
  /** What the caller's handler threw: undici aborts the request with it, and hands it back through `onError`. */
  #thrown: unknown

  constructor(request: BalancedRequest, lease: Lease) {
    this.#request = request
    this.lease = lease
  }

  /** Was anything sent? undici connects first, and calls `onConnect` just before it writes. */
  get sent(): boolean {
    return this.#abort !== undefined
  }

  /** Ends the try at once. What undici makes of it comes through `onError`, where anything was sent. */
  abort(reason: unknown): void {
    this.#abort?.(reason)
  }

  onConnect(abort: Abort): void {
    if (!this.lease.ended) this.#abort = abort
    else if (this.#request.aborted) abort(this.#request.abortReason)
    // Given up for another try while it was still connecting. To abort it would destroy the body, which that try reads.
    else throw new Error('the try was given up before it was connected')
  }

  onResponseStarted(): void {
    this.#request.handler.onResponseStarted?.()
  }

  onHeaders(status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean {
    const request = this.#request
    if (status < FIRST_FINAL_STATUS) return this.#handOnHeaders(status, headers, resume, statusText)
    request.stopTimer()
    this.lease.responded(headers)
    if (request.retryAfterStatus(this, status, headers)) {
      this.#discarding = true
      this.settle('status', NO_SAMPLE)
      return true
    }
    this.#status = status
    if (status < FIRST_SERVER_ERROR) this.#latencyMs = request.now() - this.lease.startedAt
    request.committed = true
    const own = mayHaveLocation(status) ? this.#ownLocation(headers) : headers
    return this.#handOnHeaders(status, own, resume, statusText)
  }

  #handOnHeaders(status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean {
    try {
      return this.#request.handler.onHeaders(status, headers, resume, statusText)
    } catch (error) {
      throw this.#blameCaller(error)
    }
  }

  #blameCaller(error: unknown): unknown {
    this.#thrown = error
    return error
  }

  #ownLocation(headers: RawHeaders): RawHeaders {
    return rewriteLocation(headers, this.lease.endpoint.url, this.#request.origin)
  }

  onData(chunk: Buffer): boolean {
    if (!this.#discarding) {
      try {
        return this.#request.handler.onData(chunk)
      } catch (error) {
        throw this.#blameCaller(error)
      }
    }
    this.#discardedBytes += chunk.length
    if (this.#discardedBytes > MAX_DISCARDED_BYTES)
      this.abort(new Error('the answer was refused, and its body is too long to read'))
    return true
  }

  onComplete(trailers: RawHeaders): void {
    if (this.#discarding) return
    this.settle(this.#status < FIRST_SERVER_ERROR ? 'success' : 'status', this.#latencyMs)
    this.#request.finished = true
    this.#request.handler.onComplete(trailers)
  }

  /** An upgraded connection (WebSocket, CONNECT) keeps its place until the socket closes. */
  onUpgrade(status: number, headers: RawHeaders, socket: Duplex): void {
    const request = this.#request
    request.stopTimer()
    const latencyMs = request.now() - this.lease.startedAt
    request.committed = true
    socket.once('close', () => this.settle('success', latencyMs))
    request.hold(socket)
    if (request.handler.onUpgrade === undefined) {
      socket.destroy()
      return request.fail(
        new ArgumentError('the request asks for an upgrade, and its handler has no onUpgrade'),
      )
    }
    request.finished = true
    request.handler.onUpgrade(status, headers, socket)
  }

  onBodySent(chunk: unknown): void {
    this.#request.handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#request.handler.onRequestSent?.()
  }

  onError(error: Error): void {
    if (this.lease.ended) return
    const request = this.#request
    request.stopTimer()
    const elapsed = request.now() - this.lease.startedAt
    if (request.aborted) {
      // A deadline of the caller's says at least this: the answer takes longer.
      this.settle('cancelled', isCallersTimeOut(request.abortReason) ? elapsed : NO_SAMPLE)
      request.fail(request.abortReason as Error)
    } else if (isCallersFault(error) || error === this.#thrown || request.isCallersError(error)) {
      this.settle('cancelled', NO_SAMPLE)
      request.fail(error)
    } else {
      if (isOwnDoing(error)) this.settle('cancelled', NO_SAMPLE)
      else this.settle(this.sent ? 'local-origin' : 'connect', isTimeOut(error) ? elapsed : NO_SAMPLE)
      if (this.sent) request.retryAfterLoss(this, error)
      else request.retryUnsent(this, error)
    }
  }

  settle(verdict: Parameters<Lease['settle']>[0], latencyMs: number): void {
    this.lease.settle(verdict, latencyMs)
  }
}
