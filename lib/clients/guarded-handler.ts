/**
 * What a caller's handler throws is the caller's own affair: never the endpoint's, never a reason for another try, and
 * never lost. `guardHandler` wraps the handler of one request, of either generation, once, for all of its tries.
 *
 * The contract, for whoever drives the request:
 *
 * - No method throws what a callback threw. The error stands in `thrown`, and the guard has by then called the `abort`
 *   that `onConnect` gave it, with that error as the reason: the same abort that the caller himself has. Whoever drives
 *   the request takes it for the caller's, so the try under way is aborted, and neither repeated nor held against anyone.
 *   (From within `onBodySent` and `onRequestSent` an abort comes a microtask later; the handler is told at once.)
 * - The handler is told once how its request ended: by `onComplete`, `onUpgrade` or `onError`, whichever comes first. If
 *   the abort has not led to `onError` by the time it returns (the request was over for its driver already, as after
 *   `onComplete`), the guard tells the handler itself. What comes after the end is dropped, but for `onBodySent` and
 *   `onRequestSent`, which undici's own connections call to the last as well.
 * - `onHeaders` and `onData` return what the callback did, and true where it threw or was not called: the connection
 *   flows on, until the abort ends it.
 * - Only what `onError` itself throws gets out, as it does from undici's own dispatchers: there is nobody left to be told.
 */
import type { Duplex } from 'node:stream'
import { loadUndici } from '../runtime/lazy.js'
import { type Abort, asFirstGeneration, type Handler, type RawHeaders } from './handler.js'

/** Wraps the caller's handler. `onEnd` is called once, when the handler has been told how its request ended. */
export const guardHandler = (
  handler: unknown,
  onEnd?: ((guarded: GuardedHandler) => void) | undefined,
): GuardedHandler => new GuardedHandler(asFirstGeneration(handler), onEnd)

/** See above. */
export class GuardedHandler implements Handler {
  /** The first error that a callback threw. */
  thrown: { readonly error: unknown } | undefined
  /** Where it stands in a list of its owner's. */
  place = 0
  readonly #handler: Handler
  readonly #onEnd: ((guarded: GuardedHandler) => void) | undefined
  #abort: Abort | undefined
  #ended = false
  /** `onBodySent` or `onRequestSent` is running. */
  #isSending = false

  constructor(handler: Handler, onEnd: ((guarded: GuardedHandler) => void) | undefined) {
    this.#handler = handler
    this.#onEnd = onEnd
  }

  /** As the caller's own abort. Without a reason it is undici's `RequestAbortedError`. */
  abort(reason?: unknown): void {
    const why = reason || new (loadUndici().errors.RequestAbortedError)()
    if (!this.#isSending) return this.#abort?.(why)
    // undici's HTTP/2 breaks where a request is aborted while it is being written, so that waits until it is.
    queueMicrotask(() => this.#abort?.(why))
    this.onError(why as Error)
  }

  onConnect(abort: Abort, context?: unknown): void {
    this.#abort = abort
    try {
      this.#handler.onConnect((reason) => this.abort(reason), context)
    } catch (error) {
      this.#threw(error)
    }
  }

  onResponseStarted(): void {
    if (this.#ended) return
    try {
      this.#handler.onResponseStarted?.()
    } catch (error) {
      this.#threw(error)
    }
  }

  onHeaders(status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean {
    if (this.#ended) return true
    try {
      return this.#handler.onHeaders(status, headers, resume, statusText)
    } catch (error) {
      this.#threw(error)
      return true
    }
  }

  onData(chunk: Buffer): boolean {
    if (this.#ended) return true
    try {
      return this.#handler.onData(chunk)
    } catch (error) {
      this.#threw(error)
      return true
    }
  }

  onComplete(trailers: RawHeaders): void {
    if (this.#ended) return
    try {
      this.#handler.onComplete(trailers)
    } catch (error) {
      return this.#threw(error)
    }
    this.#end()
  }

  onUpgrade(status: number, headers: RawHeaders, socket: Duplex): void {
    if (this.#ended) {
      socket.destroy()
      return
    }
    try {
      this.#handler.onUpgrade?.(status, headers, socket)
    } catch (error) {
      socket.destroy()
      return this.#threw(error)
    }
    this.#end()
  }

  onBodySent(chunk: unknown): void {
    if (this.#handler.onBodySent === undefined) return
    this.#isSending = true
    try {
      this.#handler.onBodySent(chunk)
    } catch (error) {
      this.#threw(error)
    } finally {
      this.#isSending = false
    }
  }

  onRequestSent(): void {
    // Few handlers have it, and every request comes by here.
    if (this.#handler.onRequestSent === undefined) return
    this.#isSending = true
    try {
      this.#handler.onRequestSent()
    } catch (error) {
      this.#threw(error)
    } finally {
      this.#isSending = false
    }
  }

  onError(error: Error): void {
    if (this.#ended) return
    this.#end()
    this.#handler.onError(error)
  }

  #threw(error: unknown): void {
    if (this.#ended || this.thrown !== undefined) return
    this.thrown = { error }
    this.abort(error)
    this.onError(error as Error)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#onEnd?.(this)
  }
}
