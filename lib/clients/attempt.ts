import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Reservation } from '../balancer/reservation.js'
import type { Connection } from '../connections/connection.js'
import { isMarkedIdleClose } from '../connections/idle-close.js'
import type { ConnectionPool, Sendable } from '../connections/pool.js'
import type { Place } from '../connections/waiting-line.js'
import type { StallWatch, Waiter } from '../health/passive/stall.js'
import type { Endpoint } from '../model/index.js'
import { mayAskForPause, type Verdict, verdictOfStatus } from '../outcome/classify.js'
import { type FaultRow, faultOf, isTimeOut } from '../outcome/faults.js'
import { retryAfterMs } from '../outcome/retry-after.js'
import type { LoopLateness } from '../runtime/loop-lateness.js'
import type { Member } from '../topology/member.js'
import { DiscardedBody } from './discarded-body.js'
import type { Abort, Handler, RawHeaders } from './handler.js'
import { mayHaveLocation, rewriteLocation } from './location.js'

const FIRST_FINAL_STATUS = 200
const NOT_MODIFIED = 304
const NO_SAMPLE = -1
/** An answer without a body may say how long one would have been (RFC 9110, 8.6); undici 7 then misses it. */
const LENGTH_MISMATCH = 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
/** Of a time-out's limit: a loop that was held for longer may have left the answer unread. */
const HELD_SHARE = 0.5

/** The request that a try is made for: decides whether there is another, and tells the caller. */
export interface TriedRequest {
  readonly handler: Handler
  readonly method: string
  /** The service as an origin, as the caller wrote it. */
  readonly origin: string
  readonly options: Dispatcher.DispatchOptions
  readonly stalls: StallWatch<Member>
  readonly lateness: LoopLateness
  /** Over connections of fairlead's, not over a dispatcher of the user's. */
  readonly isOurs: boolean
  /** Tries wait for connections in a dispatcher, out of sight. */
  readonly isLimited: boolean
  readonly aborted: boolean
  readonly abortReason: unknown
  /** The answer's headers went to the caller. */
  readonly committed: boolean
  commit(): void
  now(): number
  isQueued(endpoint: Endpoint): boolean
  isCallersError(error: Error): boolean
  mayLeave(attempt: Attempt): boolean
  leaveConnections(endpoint: Endpoint): void
  retryUnprocessed(attempt: Attempt, error: Error, verdict: Verdict): void
  retryAfterLoss(attempt: Attempt, error: Error, verdict: Verdict): void
  retryAfterStatus(attempt: Attempt, status: number, pauseMs: number): boolean
  retryStalled(attempt: Attempt, error: Error, verdict: Verdict): void
  /** It may not wait for a connection there, says that limit. */
  refused(attempt: Attempt, limit: string): void
  /** Sends a try on a connection that is there for it. */
  sendOn(connection: Connection, attempt: Attempt): void
  complete(trailers: RawHeaders): void
  upgrade(status: number, headers: RawHeaders, socket: Duplex): void
  fail(error: Error): void
  hold(socket: Duplex): void
  stopTimer(): void
}

/**
 * One try of a request on one endpoint: undici's handler for it, and the place where the try's outcome is decided, in two
 * parts. *Answered*, at the final headers: verdict and latency. *Ended*, when the body is read, cancelled or lost: the
 * place is given back. What fails is looked up in `outcome/faults.ts`.
 */
export class Attempt implements Handler, Waiter, Sendable {
  readonly lease: Reservation
  next: Waiter | undefined
  previous: Waiter | undefined
  readonly #request: TriedRequest
  readonly #heldBefore: number
  #abort: Abort | undefined
  /** Undefined before it has one, once it is done with it, and over a dispatcher of the user's. */
  #connection: Connection | undefined
  /** In the line of those that wait for a connection. */
  #place: Place<Sendable> | undefined
  /** ms of the try that went by in that line. */
  queuedMs = 0
  /** Something was written, whoever waits for it still. */
  #isWritten = false
  /** The answer has begun. */
  #isAnswering = false
  /** When the request was written, ms; until then, when the try began or had its connection. */
  #sentAt: number
  /** Its stream over HTTP/2; 0: none, or not known. */
  #streamId = 0
  #status = 0
  /** Its answer was refused and another try is under way: what still comes is thrown away. */
  #discarded: DiscardedBody | undefined
  /** In the list of those that may go elsewhere while they are unanswered. */
  #joined: boolean
  #isAwaited = true
  /** Told to leave an endpoint that answers nothing. */
  #leaving: Error | undefined

  constructor(request: TriedRequest, lease: Reservation, mayLeave: boolean) {
    this.#request = request
    this.lease = lease
    this.#joined = mayLeave
    this.#sentAt = lease.startedAt
    request.lateness.begin()
    this.#heldBefore = request.lateness.heldMs(lease.startedAt)
    if (mayLeave) request.stalls.join(this)
  }

  get slot(): number {
    return this.lease.slot
  }

  /** Was anything sent? undici connects first, and calls `onConnect` just before it writes. */
  get sent(): boolean {
    return this.#abort !== undefined
  }

  get options(): Dispatcher.DispatchOptions {
    return this.#request.options
  }

  /** Goes out on a connection of the pool, now or when its turn comes. */
  enter(pool: ConnectionPool): void {
    this.#place = pool.send(this)
  }

  sendOn(connection: Connection): void {
    this.#connection = connection
    if (this.#place !== undefined) {
      this.#place = undefined
      this.#sentAt = this.#request.now()
      this.queuedMs = this.#sentAt - this.lease.startedAt
    }
    this.#request.sendOn(connection, this)
  }

  onRefused(limit: string): void {
    this.#request.stopTimer()
    this.settle('cancelled')
    this.#request.refused(this, limit)
  }

  /** Ends the try at once. What undici makes of it comes through `onError`, where anything was sent. */
  abort(reason: unknown): void {
    this.#abort?.(reason)
  }

  /** The endpoint answers nothing: goes elsewhere, where there is another one and the budget has a retry. */
  leave(): void {
    if (this.lease.ended || this.#leaving !== undefined || !this.#request.mayLeave(this)) return
    this.#leaving = new Error(`${this.lease.endpoint.id} answers nothing (stalled)`)
    const error = this.#leaving
    const verdict = this.#leavePlace() ? 'cancelled' : 'stall'
    this.settle(verdict, verdict === 'stall' ? this.#waitedMs() : NO_SAMPLE)
    this.#request.leaveConnections(this.lease.endpoint)
    this.abort(error)
    this.#request.retryStalled(this, error, verdict)
  }

  /** The caller gave up before there was an answer. The wait says that an answer takes at least as long. */
  giveUp(): void {
    this.settle('cancelled', this.#leavePlace() ? NO_SAMPLE : this.#waitedMs())
  }

  /** Whether it had waited for a connection until now. */
  #leavePlace(): boolean {
    if (this.#place === undefined) return false
    this.#place.leave()
    this.#place = undefined
    return true
  }

  onConnect(abort: Abort): void {
    if (!this.lease.ended) {
      this.#isWritten = true
      this.#abort = abort
      if (this.#connection?.isH2) this.#streamId = this.#connection.nextStreamId
      this.#sentAt = this.#request.now()
      if (this.#connection === undefined && this.#request.isLimited)
        this.queuedMs = this.#sentAt - this.lease.startedAt
    } else if (this.#request.aborted) {
      this.#isWritten = true
      abort(this.#request.abortReason)
    }
    // Given up for another try while it was still connecting. To abort it would destroy the body, which that try reads.
    else {
      const error = new Error('the try was given up before it was connected')
      if (this.#request.isOurs) throw error
      abort(error)
    }
  }

  onResponseStarted(): void {
    this.#isAnswering = true
    if (!this.lease.ended) this.#request.handler.onResponseStarted?.()
  }

  onHeaders(status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean {
    if (this.#leaving !== undefined) return true
    const request = this.#request
    if (status < FIRST_FINAL_STATUS) return request.handler.onHeaders(status, headers, resume, statusText)
    request.stopTimer()
    this.#stopWaiting()
    this.lease.responded(headers)
    const verdict = verdictOfStatus(status)
    const pauseMs = mayAskForPause(status) ? retryAfterMs(headers) : 0
    if (request.retryAfterStatus(this, status, pauseMs)) {
      this.#discarded = new DiscardedBody((reason) => this.abort(reason))
      // Its place is free at once; what comes of the body says nothing.
      this.lease.answer(verdict, NO_SAMPLE, pauseMs)
      this.lease.close('left')
      return true
    }
    this.#status = status
    this.lease.answer(verdict, verdict === 'success' ? this.#waitedMs() : NO_SAMPLE, pauseMs)
    request.commit()
    const own = mayHaveLocation(status) ? this.#ownLocation(headers) : headers
    return request.handler.onHeaders(status, own, resume, statusText)
  }

  #ownLocation(headers: RawHeaders): RawHeaders {
    return rewriteLocation(headers, this.lease.endpoint.url, this.#request.origin)
  }

  onData(chunk: Buffer): boolean {
    if (this.#discarded !== undefined) return this.#discarded.add(chunk.length)
    return this.#request.handler.onData(chunk)
  }

  onComplete(trailers: RawHeaders): void {
    // First, so that what the caller sends now goes out on the same connection.
    this.#connection?.complete()
    this.#connection = undefined
    if (this.#discarded !== undefined) return this.#discarded.end()
    this.lease.close('complete')
    this.#request.complete(trailers)
  }

  /** An upgraded connection (WebSocket, CONNECT) is answered, and keeps its place until the socket closes. */
  onUpgrade(status: number, headers: RawHeaders, socket: Duplex): void {
    this.#connection?.upgraded(socket)
    this.#connection = undefined
    const request = this.#request
    request.stopTimer()
    this.#stopWaiting()
    this.lease.answer('success', this.#waitedMs(), 0)
    request.commit()
    socket.once('close', () => this.lease.close('left'))
    request.hold(socket)
    request.upgrade(status, headers, socket)
  }

  onBodySent(chunk: unknown): void {
    if (!this.lease.ended) this.#request.handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    if (!this.lease.ended) this.#request.handler.onRequestSent?.()
  }

  onError(error: Error): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.requestFailed(this.#isWritten)
    this.#discarded?.end()
    this.fail(error, connection)
  }

  /** The try fails. `connection`: what it was on, unless that is still being opened. */
  fail(error: Error, connection?: Connection): void {
    if (this.lease.ended) return
    const request = this.#request
    request.stopTimer()
    if (this.#status !== 0) return this.#bodyFailed(error)
    if (request.aborted) {
      this.giveUp()
      return request.fail(request.abortReason as Error)
    }
    if (request.isCallersError(error)) {
      this.settle('cancelled', NO_SAMPLE)
      return request.fail(error)
    }
    const row = faultOf(error, this.sent ? 'sent' : 'connecting')
    const isQueued = this.#leavePlace()
    const verdict = isQueued ? this.#verdictInLine(error) : this.#verdictOf(row, error, connection)
    this.settle(verdict, isTimeOut(error) && !isQueued ? this.#waitedMs() : NO_SAMPLE)
    const isUnprocessed = row.again === 'any' || connection?.hasNotProcessed(this.#streamId) === true
    if (isUnprocessed) request.retryUnprocessed(this, error, verdict)
    else if (row.again === 'idempotent') request.retryAfterLoss(this, error, verdict)
    else request.fail(error)
  }

  /** The connection that it waited for could not be opened, which counts once; else this process had none for it. */
  #verdictInLine(error: Error): Verdict {
    return faultOf(error, 'connecting').fault === 'endpoint' && !isPerTry(error) ? 'connection' : 'cancelled'
  }

  /** The row's, but for what only this try knows. */
  #verdictOf({ verdict }: FaultRow, error: Error, connection: Connection | undefined): Verdict {
    const request = this.#request
    if (isTimeOut(error) && this.#wasHeld()) return 'cancelled'
    // The per-try time-out of a request that waits for a connection; that of connecting has a code of its own.
    if (verdict === 'connect')
      return isPerTry(error) && request.isQueued(this.lease.endpoint) ? 'cancelled' : verdict
    if (verdict !== 'local-origin') return verdict
    if (connection === undefined) return isMarkedIdleClose(error) ? 'connection' : verdict
    if (connection.isIdleClose(error, request.now() - this.#sentAt, this.#isAnswering)) return 'connection'
    return connection.isSameLoss(error) ? 'connection' : verdict
  }

  /** This process did not look for so long that the answer may have been there. */
  #wasHeld(): boolean {
    const now = this.#request.now()
    const held = this.#request.lateness.heldMs(now) - this.#heldBefore
    return held > (now - this.lease.startedAt) * HELD_SHARE
  }

  /** After the final headers nothing is tried again, and the verdict stands: only the body can be broken. */
  #bodyFailed(error: Error): void {
    const request = this.#request
    const hasNoBody = this.#status === NOT_MODIFIED || request.method === 'HEAD'
    if (hasNoBody && (error as NodeJS.ErrnoException).code === LENGTH_MISMATCH) {
      this.lease.close('complete')
      return request.complete([])
    }
    if (request.aborted) {
      this.lease.close('left')
      return request.fail(request.abortReason as Error)
    }
    const { fault, verdict } = faultOf(error, 'body')
    const isOurs = request.isCallersError(error) || fault === 'caller' || fault === 'process'
    if (isOurs || (isTimeOut(error) && this.#wasHeld())) this.lease.close('left')
    else this.lease.close(verdict === 'connection' ? 'lost' : 'broken')
    request.fail(error)
  }

  /** ms from the writing of the request until now, less what this thread's event loop was late by. */
  #waitedMs(): number {
    const now = this.#request.now()
    return Math.max(0, now - this.#sentAt - this.#request.lateness.lateMs(now))
  }

  /** The try is over without an answer that counts. `latencyMs` and `pauseMs` as for `Reservation.settle`. */
  settle(verdict: Verdict, latencyMs = NO_SAMPLE, pauseMs = 0): void {
    this.#stopWaiting()
    this.lease.settle(verdict, latencyMs, pauseMs)
  }

  #stopWaiting(): void {
    if (this.#isAwaited) this.#request.lateness.end()
    this.#isAwaited = false
    if (this.#joined) this.#request.stalls.withdraw(this)
    this.#joined = false
  }
}

const isPerTry = (error: Error): boolean => (error as NodeJS.ErrnoException).code === 'FAIRLEAD_DEADLINE'
