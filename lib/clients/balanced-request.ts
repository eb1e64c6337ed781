import type { Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { DEFAULT_TIER, tierOf } from '../admission/tier.js'
import type { Stay } from '../admission/waiter.js'
import type { BalancerCore } from '../balancer/balancer.js'
import type { Reservation } from '../balancer/reservation.js'
import type { ServiceRuntime } from '../balancer/service-runtime.js'
import type { Connection } from '../connections/connection.js'
import { DeadlineError, StoppedError } from '../errors.js'
import type { StallWatch } from '../health/passive/stall.js'
import type { Endpoint, PickOptions } from '../model/index.js'
import { type Verdict, verdictOfStatus } from '../outcome/classify.js'
import { faultOf } from '../outcome/faults.js'
import { afterReads } from '../runtime/after-reads.js'
import type { LoopLateness } from '../runtime/loop-lateness.js'
import type { Member } from '../topology/member.js'
import { Attempt, type TriedRequest } from './attempt.js'
import type { ScopedOptions } from './deadline.js'
import { FailedTries } from './failed-tries.js'
import type { Handler, RawHeaders } from './handler.js'
import { isReplayable } from './replay.js'
import { RequestDeadline } from './request-deadline.js'
import type { ServiceTransports } from './transports.js'

const NO_OPTIONS: PickOptions = Object.freeze({})
/** Endpoints with no room for requests that wait for connections that one request is offered to, at most. */
const MOST_REFUSALS = 8
const NO_SAMPLE = -1

/** What a request needs from the balancer. */
export interface RequestContext {
  readonly balancer: BalancerCore
  readonly service: ServiceRuntime
  readonly transports: ServiceTransports
  /** How late this thread's event loop is. */
  readonly lateness: LoopLateness
}

/**
 * One request on its way through the balancer: picks an endpoint for each try, and decides whether there is another.
 *
 * Tried again are: any request of which nothing was processed (every endpoint once, at no cost); and an idempotent one with
 * a body that can be sent twice, after a lost connection, a per-try time-out or a retryable status, within `attempts`
 * and the service's budget, as long as the caller has not seen the answer's headers. Such a one also leaves an endpoint
 * that turned out to answer nothing.
 */
export class BalancedRequest implements TriedRequest {
  readonly handler: Handler
  /** The answer's headers went to the caller: it is too late for another try. */
  committed = false
  /** The caller has been told how it ended. */
  finished = false
  aborted = false
  abortReason: unknown
  /** The try goes over connections of fairlead's, not over a dispatcher of the user's. */
  isOurs = true
  readonly #context: RequestContext
  readonly options: Dispatcher.DispatchOptions
  readonly #pick: ScopedOptions | undefined
  #deadline: RequestDeadline | undefined
  #tier = DEFAULT_TIER
  /** While it waits for a place. */
  #stay: Stay | undefined
  /** The try that is under way. */
  #current: Attempt | undefined
  /** Tries that followed one of which something was sent; at most `retry.attempts` less one. */
  #retries = 0
  /** It counts among the service's further tries; `false` once the try's place counts for it. */
  #holdsRetry = false
  #refusals = 0
  #triedEndpoints: Endpoint[] | undefined
  #failedTries: FailedTries | undefined
  /** False while undici looks at the request: what it tells meanwhile is about the caller's arguments. */
  #isTaken = true
  #timer: NodeJS.Timeout | undefined

  constructor(
    context: RequestContext,
    options: Dispatcher.DispatchOptions,
    handler: Handler,
    pick: ScopedOptions | undefined,
  ) {
    this.#context = context
    this.options = options
    this.handler = handler
    this.#pick = pick
  }

  /** The service as an origin, as the caller wrote it. */
  get origin(): string {
    const { origin } = this.options
    return typeof origin === 'string' ? origin.replace(/\/$/, '') : (origin as URL).origin
  }

  get method(): string {
    return this.options.method
  }

  get lateness(): LoopLateness {
    return this.#context.lateness
  }

  get stalls(): StallWatch<Member> {
    return this.#context.service.stalls
  }

  now(): number {
    return this.#context.balancer.now()
  }

  /** Whether tries wait for connections in a dispatcher, out of sight. */
  get isLimited(): boolean {
    return this.#context.transports.isLimited === true
  }

  /** Whether one that was not sent yet does so. */
  isQueued(endpoint: Endpoint): boolean {
    return this.#context.transports.isQueued?.(endpoint) === true
  }

  start(): void {
    const { balancer, service } = this.#context
    if (balancer.stopped) return this.fail(new StoppedError())
    let place: Reservation | undefined
    let mayMove = false
    try {
      // Before the pick: a caller that has already aborted costs no place.
      this.handler.onConnect((reason) => this.#abort(reason))
      if (this.finished) return
      this.#tier = tierOf(this.#pick)
      this.#keepDeadline()
      if (this.finished) return
      balancer.control(service, this.#tier)
      mayMove = this.#isRepeatable
      place =
        (mayMove ? balancer.pickTrial(service, this.#pick) : undefined) ??
        balancer.placeNow(service, this.#pick ?? NO_OPTIONS, mayMove)
    } catch (error) {
      this.fail(error as Error)
      return
    }
    if (place !== undefined) this.#begin(place, mayMove)
    else this.#admit((lease) => this.#begin(lease, mayMove))
  }

  #begin(lease: Reservation, mayLeave: boolean): void {
    this.#context.service.budget.deposit(lease.startedAt)
    this.#launch(lease, mayLeave)
  }

  /** A place, at once or after a wait for it. `explain`: what the caller is told where there is none. */
  #admit(begin: (lease: Reservation) => void, explain = (error: Error) => error): void {
    const { balancer, service } = this.#context
    this.#stay = balancer.admit(
      service,
      { pick: this.#pick ?? NO_OPTIONS, mayMove: this.#isRepeatable },
      {
        tier: this.#tier,
        deadlineMs: this.#deadline?.leftMs,
        placed: (lease) => {
          this.#stay = undefined
          begin(lease)
        },
        failed: (error) => {
          this.#stay = undefined
          this.fail(explain(error as Error))
        },
      },
    )
  }

  /** Nothing was processed: any endpoint that has not been tried may have it, whatever the method, at no cost. */
  retryUnprocessed(attempt: Attempt, error: Error, verdict: Verdict): void {
    this.#failures.addLost(attempt.lease.endpoint.id, error)
    const isIntact = !attempt.sent || isReplayable(this.options.body)
    const lease =
      isIntact && !this.#context.balancer.stopped && this.#takeRetry()
        ? this.#pickExcluding(this.#addTried(attempt))
        : undefined
    if (lease === undefined) return this.fail(error)
    this.#context.service.feedback.retried(verdict)
    this.#launch(lease)
  }

  /** Nothing was sent, so another endpoint may have it, at no cost. */
  refused(attempt: Attempt, limit: string): void {
    const { balancer, service } = this.#context
    const { isRetry, endpoint } = attempt.lease
    const isLeft = ++this.#refusals < MOST_REFUSALS && !balancer.stopped && (!isRetry || this.#takeRetry())
    const lease = isLeft ? this.#pickExcluding(this.#addTried(attempt), isRetry) : undefined
    if (lease === undefined) return this.fail(balancer.overloaded(service, limit))
    this.#failures.addLost(endpoint.id, new Error(limit))
    service.feedback.retried('cancelled')
    this.#launch(lease)
  }

  /** The connection was lost, or the try took too long. */
  retryAfterLoss(attempt: Attempt, error: Error, verdict: Verdict): void {
    this.#failures.addLost(attempt.lease.endpoint.id, error)
    if (this.committed || !this.#mayRepeat() || !this.#takeBudget()) return this.fail(error)
    this.#retryLater(attempt, verdict, () => error)
  }

  /** Whether an answer of this status is refused; then another try follows. */
  retryAfterStatus(attempt: Attempt, status: number, pauseMs: number): boolean {
    const { service } = this.#context
    const { retry } = service.options
    if (!retry.statuses.includes(status) || !this.#mayRepeat()) return false
    const tried = this.#addTried(attempt)
    // With nowhere else to go, an endpoint that asks to be left alone for longer than a backoff is left alone.
    if (service.members.length <= tried.length && pauseMs > retry.backoffMaxMs) return false
    if (!this.#takeBudget()) return false
    this.#failures.addRefused(attempt.lease.endpoint.id, status)
    this.#retryLater(attempt, verdictOfStatus(status), (hindrance) => {
      hindrance.cause ??= new Error(`${attempt.lease.endpoint.id} answered ${status}`)
      return hindrance
    })
    return true
  }

  /** Whether a request may leave an endpoint that answers nothing: another one can have it, and the budget a retry. */
  mayLeave(attempt: Attempt): boolean {
    if (this.committed || this.finished || this.aborted || this.#context.balancer.stopped) return false
    const { balancer, service } = this.#context
    return balancer.hasAlternative(service, this.#addTried(attempt), this.#pick) && this.#takeBudget()
  }

  /**
   * What an endpoint has not answered on its connections so far it will hardly answer: the next request there opens one of
   * its own. Those that still wait on the old ones go on waiting.
   */
  leaveConnections({ url }: Endpoint): void {
    this.#context.transports.forget(url)
  }

  /** Goes at once: it has waited long enough. Not bounded by `attempts`, but by the endpoints that it has not tried. */
  retryStalled(attempt: Attempt, error: Error, verdict: Verdict): void {
    this.stopTimer()
    this.#failures.addLost(attempt.lease.endpoint.id, error)
    const lease = this.#pickExcluding(this.#addTried(attempt))
    if (lease === undefined) return this.fail(error)
    this.#context.service.feedback.retried(verdict)
    this.#launch(lease)
  }

  /** The body is whole. */
  complete(trailers: RawHeaders): void {
    if (this.finished) return
    this.finished = true
    this.handler.onComplete(trailers)
  }

  /** The endpoint has agreed to another protocol. */
  upgrade(status: number, headers: RawHeaders, socket: Duplex): void {
    this.finished = true
    this.handler.onUpgrade?.(status, headers, socket)
  }

  fail(error: Error): void {
    this.stopTimer()
    this.#leaveRetry()
    if (this.finished) return
    this.finished = true
    this.#deadline?.stop()
    // What the caller aborted with, or his handler threw, is his own, and comes back as it is.
    this.handler.onError(this.aborted ? error : this.#failures.attachTo(error, this.#context.service.name))
  }

  get #failures(): FailedTries {
    this.#failedTries ??= new FailedTries()
    return this.#failedTries
  }

  /** The caller's own body broke, or undici refused the request at once, before it connected: not the endpoint's fault. */
  isCallersError(error: Error): boolean {
    if (!this.#isTaken && this.#current?.sent === false && faultOf(error, 'connecting').fault !== 'process')
      return true
    const { body } = this.options
    return typeof body === 'object' && body !== null && (body as Readable).errored === error
  }

  /** An upgraded connection, which `stop` closes at last. */
  hold(socket: Duplex): void {
    this.#context.transports.hold(socket)
  }

  /** The answer's headers go to the caller: it is too late for another try, and the deadline is kept. */
  commit(): void {
    this.committed = true
    this.#deadline?.stop()
  }

  // Its deadline.

  #keepDeadline(): void {
    if (this.#pick === undefined) return
    const deadline = RequestDeadline.of(this.#pick, () => this.now())
    if (deadline === undefined) return
    this.#deadline = deadline
    const { leftMs } = deadline
    this.#context.service.impatience.noteDeadline(leftMs)
    if (leftMs <= 0) this.fail(this.#deadlineError())
    else deadline.watch(() => this.#missDeadline())
  }

  #deadlineError(): Error {
    return new DeadlineError(
      `Service "${this.#context.service.name}" did not answer within the request's deadline`,
    )
  }

  /** As if its caller had left: it says nothing of the endpoint but that an answer takes at least as long. */
  #missDeadline(): void {
    if (this.committed || this.finished || this.aborted) return
    this.#abort(this.#failures.attachTo(this.#deadlineError(), this.#context.service.name))
  }

  /** What this try is to send: what is left of the deadline with it. */
  get #toSend(): Dispatcher.DispatchOptions {
    const { deadlineHeader } = this.#context.service.options.client
    return this.#deadline?.on(this.options, deadlineHeader) ?? this.options
  }

  stopTimer(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #launch(lease: Reservation, mayLeave = this.#isRepeatable): void {
    const { service, transports } = this.#context
    const attempt = new Attempt(this, lease, mayLeave)
    this.#current = attempt
    const { perTryTimeoutMs } = service.options.retry
    if (perTryTimeoutMs > 0)
      this.#timer = setTimeout(() => this.#recheckTimeout(attempt, perTryTimeoutMs), perTryTimeoutMs)
    try {
      const { pool, dispatcher, isOurs } = transports.to(lease.endpoint, lease.slot)
      this.isOurs = isOurs
      if (pool !== undefined) return attempt.enter(pool)
      this.#isTaken = !isOurs
      dispatcher?.dispatch(this.#toSend, attempt as unknown as Dispatcher.DispatchHandler)
      this.#isTaken = true
    } catch (error) {
      if (this.finished) throw error
      // undici tells its errors to the handler: what is thrown comes from a dispatcher or a factory of the user's own.
      attempt.settle('cancelled')
      this.fail(error as Error)
    }
  }

  /** Sends a try on a connection that is there for it. */
  sendOn(connection: Connection, attempt: Attempt): void {
    this.#isTaken = false
    connection.send(this.#toSend, attempt as unknown as Dispatcher.DispatchHandler)
    this.#isTaken = true
  }

  #recheckTimeout(attempt: Attempt, limitMs: number): void {
    const timer = this.#timer
    afterReads(() => {
      if (this.#timer === timer) this.#timedOut(attempt, limitMs)
    })
  }

  #timedOut(attempt: Attempt, limitMs: number): void {
    // What it waited for a connection to be free is not the endpoint's time.
    if (attempt.queuedMs > 0) {
      const restMs = attempt.queuedMs + limitMs - (this.now() - attempt.lease.startedAt)
      if (restMs > 0) {
        this.#timer = setTimeout(() => this.#recheckTimeout(attempt, limitMs), restMs)
        return
      }
    }
    this.#timer = undefined
    const error = new DeadlineError(
      `${attempt.lease.endpoint.id} did not answer within ${limitMs} ms (perTryTimeoutMs)`,
    )
    if (attempt.sent) attempt.abort(error)
    else attempt.fail(error)
  }

  /** Idempotent, with a body that can be sent twice, where there are retries at all. */
  get #isRepeatable(): boolean {
    const { method, body } = this.options
    const { attempts, methods } = this.#context.service.options.retry
    return attempts > 1 && methods.includes(method) && isReplayable(body)
  }

  #mayRepeat(): boolean {
    if (this.#context.balancer.stopped) return false
    return this.#retries + 1 < this.#context.service.options.retry.attempts && this.#isRepeatable
  }

  /** `whenHindered`: what the caller is told where something stands in the way of that try. */
  #retryLater(attempt: Attempt, verdict: Verdict, whenHindered: (hindrance: Error) => Error): void {
    const { service } = this.#context
    const { backoffBaseMs, backoffMaxMs } = service.options.retry
    const ceiling = Math.min(backoffMaxMs, backoffBaseMs * 2 ** this.#retries)
    this.#retries++
    this.#addTried(attempt)
    this.#current = undefined
    // Full jitter: anything between nothing and the ceiling.
    const pauseMs = Math.random() * ceiling
    if (this.#deadline !== undefined && this.#deadline.leftMs <= pauseMs)
      return this.fail(whenHindered(this.#deadlineError()))
    this.#timer = setTimeout(() => this.#retryNow(verdict, whenHindered), pauseMs)
  }

  #retryNow(verdict: Verdict, whenHindered: (hindrance: Error) => Error): void {
    const { balancer, service } = this.#context
    this.#timer = undefined
    if (balancer.stopped) return this.fail(whenHindered(new StoppedError()))
    const retry = (lease: Reservation) => {
      service.feedback.retried(verdict)
      this.#launch(lease)
    }
    const other = this.#pickExcluding(this.#triedEndpoints ?? [])
    if (other !== undefined) return retry(other)
    this.#admit((lease) => {
      if (lease.countAsRetry()) {
        this.#holdsRetry = false
        return retry(lease)
      }
      const { id } = lease.endpoint
      lease.settle('cancelled', NO_SAMPLE)
      service.feedback.retried(verdict)
      const limit = `limits.perEndpoint.maxRetries, ${service.options.limits.perEndpoint.maxRetries}, is reached at ${id}`
      this.fail(whenHindered(balancer.overloaded(service, limit)))
    }, whenHindered)
  }

  #pickExcluding(tried: readonly Endpoint[], isRetry = true): Reservation | undefined {
    const { balancer, service } = this.#context
    const lease = balancer.pickExcluding(service, tried, this.#pick, isRetry)
    if (lease?.isRetry) this.#holdsRetry = false
    return lease
  }

  /** A further try, by the limit of those under way and by the budget. */
  #takeBudget(): boolean {
    if (!this.#takeRetry()) return false
    if (this.#context.service.budget.withdraw()) return true
    this.#leaveRetry()
    return false
  }

  /** A further try counts from here on: for this request, and then for the place that it has. */
  #takeRetry(): boolean {
    this.#holdsRetry ||= this.#context.service.retries.take()
    return this.#holdsRetry
  }

  #leaveRetry(): void {
    if (this.#holdsRetry) this.#context.service.retries.leave()
    this.#holdsRetry = false
  }

  #addTried(attempt: Attempt): Endpoint[] {
    const { endpoint } = attempt.lease
    if (this.#triedEndpoints === undefined) this.#triedEndpoints = [endpoint]
    else if (!this.#triedEndpoints.includes(endpoint)) this.#triedEndpoints.push(endpoint)
    return this.#triedEndpoints
  }

  #abort(reason: unknown): void {
    if (this.finished || this.aborted) return
    this.aborted = true
    this.abortReason = reason
    const attempt = this.#current
    if (attempt?.sent) {
      attempt.abort(this.abortReason)
      return
    }
    // Still connecting, or waiting for the next try. The connection that undici goes on making ends in `onConnect`.
    attempt?.giveUp()
    this.#stay?.leave()
    this.#stay = undefined
    this.fail(this.abortReason as Error)
  }
}
