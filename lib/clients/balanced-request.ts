import type { Duplex, Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { DeadlineError, StoppedError } from '../errors.js'
import type { Lease } from '../lease.js'
import type { Endpoint, PickOptions } from '../model.js'
import type { Service } from '../service.js'
import { Attempt } from './attempt.js'
import type { Handler, RawHeaders } from './handler.js'
import { isReplayable } from './replay.js'
import type { ServiceTransports } from './transports.js'

const MS_PER_SECOND = 1000

/** What a request needs from the balancer. */
export interface RequestContext {
  readonly service: Service
  readonly transports: ServiceTransports
  /** ms on the balancer's clock. */
  now(): number
  /** Once true, there are no further tries. */
  isStopped(): boolean
}

/**
 * One request on its way through the balancer: picks an endpoint for each try, and decides whether there is another.
 *
 * Tried again are: any request of which nothing was sent (every endpoint once, at no cost); and an idempotent one with
 * a body that can be sent twice, after a lost connection, a per-try time-out or a retryable status, within `attempts`
 * and the service's budget, as long as the caller has not seen the answer's headers.
 */
export class BalancedRequest {
  readonly handler: Handler
  /** The answer's headers went to the caller: it is too late for another try. */
  committed = false
  /** The caller has been told how it ended. */
  finished = false
  aborted = false
  abortReason: unknown
  readonly #context: RequestContext
  readonly #options: Dispatcher.DispatchOptions
  readonly #pick: PickOptions | undefined
  #attempt: Attempt | undefined
  /** Tries of which something was sent. */
  #sentTries = 0
  #tried: Endpoint[] | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(
    context: RequestContext,
    options: Dispatcher.DispatchOptions,
    handler: Handler,
    pick: PickOptions | undefined,
  ) {
    this.#context = context
    this.#options = options
    this.handler = handler
    this.#pick = pick
  }

  /** The service as an origin, as the caller wrote it. */
  get origin(): string {
    const { origin } = this.#options
    return typeof origin === 'string' ? origin.replace(/\/$/, '') : (origin as URL).origin
  }

  now(): number {
    return this.#context.now()
  }

  start(): void {
    const { service } = this.#context
    if (this.#context.isStopped()) return this.fail(new StoppedError())
    let lease: Lease
    try {
      // Before the pick: a caller that has already aborted costs no place.
      this.handler.onConnect((reason) => this.#abort(reason))
      if (this.finished) return
      lease = service.pick(this.#pick)
    } catch (error) {
      this.fail(error as Error)
      return
    }
    service.budget.deposit(lease.startedAt)
    this.#launch(lease)
  }

  /** Nothing was sent: any endpoint that has not been tried may have it, whatever the method, at no cost. */
  retryUnsent(attempt: Attempt, error: Error): void {
    const lease = this.#context.isStopped()
      ? undefined
      : this.#context.service.pickOther(this.#triedWith(attempt), this.#pick)
    if (lease === undefined) return this.fail(error)
    this.#context.service.countRetry()
    this.#launch(lease)
  }

  /** The connection was lost, or the try took too long. */
  retryAfterLoss(attempt: Attempt, error: Error): void {
    if (this.committed || !this.#mayRepeat() || !this.#context.service.budget.withdraw())
      return this.fail(error)
    this.#retryLater(attempt, () => error)
  }

  /** Whether an answer of this status is refused; then another try follows. */
  retryAfterStatus(attempt: Attempt, status: number, headers: RawHeaders): boolean {
    const { service } = this.#context
    const { retry } = service.options
    if (!retry.statuses.includes(status) || !this.#mayRepeat()) return false
    const tried = this.#triedWith(attempt)
    // With nowhere else to go, an endpoint that asks to be left alone for longer than a backoff is left alone.
    if (service.endpoints.length <= tried.length && retryAfterMs(headers) > retry.backoffMaxMs) return false
    if (!service.budget.withdraw()) return false
    this.#retryLater(attempt, (hindrance) => {
      hindrance.cause ??= new Error(`${attempt.lease.endpoint.id} answered ${status}`)
      return hindrance
    })
    return true
  }

  fail(error: Error): void {
    this.stopTimer()
    if (this.finished) return
    this.finished = true
    this.handler.onError(error)
  }

  /** The caller's own body broke: not the endpoint's fault. */
  isBodyError(error: Error): boolean {
    const { body } = this.#options
    return typeof body === 'object' && body !== null && (body as Readable).errored === error
  }

  /** An upgraded connection, which `stop` closes at last. */
  hold(socket: Duplex): void {
    this.#context.transports.hold(socket)
  }

  stopTimer(): void {
    if (this.#timer === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #launch(lease: Lease): void {
    const { service, transports } = this.#context
    const attempt = new Attempt(this, lease)
    this.#attempt = attempt
    const { perTryTimeoutMs } = service.options.retry
    if (perTryTimeoutMs > 0)
      this.#timer = setTimeout(() => this.#timedOut(attempt, perTryTimeoutMs), perTryTimeoutMs)
    try {
      transports.to(lease.endpoint).dispatch(this.#options, attempt as unknown as Dispatcher.DispatchHandler)
    } catch (error) {
      attempt.onError(error as Error)
    }
  }

  #timedOut(attempt: Attempt, limitMs: number): void {
    this.#timer = undefined
    const error = new DeadlineError(
      `${attempt.lease.endpoint.id} did not answer within ${limitMs} ms (perTryTimeoutMs)`,
    )
    if (attempt.sent) attempt.abort(error)
    else attempt.onError(error)
  }

  #mayRepeat(): boolean {
    const { retry } = this.#context.service.options
    const { method, body } = this.#options
    if (this.#context.isStopped()) return false
    return this.#sentTries + 1 < retry.attempts && retry.methods.includes(method) && isReplayable(body)
  }

  /** `whenHindered`: what the caller is told where something stands in the way of that try. */
  #retryLater(attempt: Attempt, whenHindered: (hindrance: Error) => Error): void {
    const { service } = this.#context
    const { backoffBaseMs, backoffMaxMs } = service.options.retry
    const ceiling = Math.min(backoffMaxMs, backoffBaseMs * 2 ** this.#sentTries)
    this.#sentTries++
    this.#triedWith(attempt)
    this.#attempt = undefined
    // Full jitter: anything between nothing and the ceiling.
    this.#timer = setTimeout(() => this.#retryNow(whenHindered), Math.random() * ceiling)
  }

  #retryNow(whenHindered: (hindrance: Error) => Error): void {
    const { service } = this.#context
    this.#timer = undefined
    if (this.#context.isStopped()) return this.fail(whenHindered(new StoppedError()))
    let lease = service.pickOther(this.#tried ?? [], this.#pick)
    try {
      lease ??= service.pick(this.#pick)
    } catch (error) {
      return this.fail(whenHindered(error as Error))
    }
    service.countRetry()
    this.#launch(lease)
  }

  #triedWith(attempt: Attempt): Endpoint[] {
    const { endpoint } = attempt.lease
    if (this.#tried === undefined) this.#tried = [endpoint]
    else if (!this.#tried.includes(endpoint)) this.#tried.push(endpoint)
    return this.#tried
  }

  #abort(reason: unknown): void {
    if (this.finished || this.aborted) return
    this.aborted = true
    this.abortReason = reason ?? new DOMException('This operation was aborted', 'AbortError')
    const attempt = this.#attempt
    if (attempt?.sent) {
      attempt.abort(this.abortReason)
      return
    }
    // Still connecting, or waiting for the next try. The connection that undici goes on making ends in `onConnect`.
    attempt?.settle('cancelled', -1)
    this.fail(this.abortReason as Error)
  }
}

/** A `Retry-After` header in ms: seconds or an HTTP date (RFC 9110, 10.2.3); 0 where there is none. */
function retryAfterMs(headers: RawHeaders): number {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i].toString('latin1').toLowerCase() !== 'retry-after') continue
    const text = headers[i + 1].toString('latin1').trim()
    const ms = /^\d+$/.test(text) ? Number(text) * MS_PER_SECOND : Date.parse(text) - Date.now()
    return Number.isNaN(ms) ? 0 : Math.max(0, ms)
  }
  return 0
}
