/**
 * undici's handlers come in two generations. The first (undici 7 and before, Node 20's own `fetch`) gets raw headers by
 * `onConnect`, `onHeaders`, ...; the second (undici 8) parsed ones and a controller by `onRequestStart`,
 * `onResponseStart`, .... fairlead speaks the first, which undici 7's connections speak, and adapts the second to it.
 */
import type { Duplex } from 'node:stream'
import { loadUndici } from '../runtime/lazy.js'

export type RawHeaders = Buffer[]
export type Abort = (reason?: unknown) => void

/** A handler of the first generation, with the methods that undici 7 calls. */
export interface Handler {
  onConnect(abort: Abort, context?: unknown): void
  onUpgrade?(status: number, headers: RawHeaders, socket: Duplex): void
  onResponseStarted?(): void
  onHeaders(status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean
  onData(chunk: Buffer): boolean
  onComplete(trailers: RawHeaders): void
  onError(error: Error): void
  onBodySent?(chunk: unknown): void
  onRequestSent?(): void
}

/** What undici 8's handlers are given to steer a request. */
export interface Controller {
  readonly paused: boolean
  readonly aborted: boolean
  readonly reason: unknown
  rawHeaders: RawHeaders | null
  rawTrailers: RawHeaders | null
  pause(): void
  resume(): void
  abort(reason?: unknown): void
}

type ParsedHeaders = Record<string, string | string[]>

interface SecondGeneration {
  onRequestStart(controller: Controller, context: unknown): void
  onRequestUpgrade?(controller: Controller, status: number, headers: ParsedHeaders, socket: Duplex): void
  onResponseStarted?(): void
  onResponseStart?(controller: Controller, status: number, headers: ParsedHeaders, statusText: string): void
  onResponseData?(controller: Controller, chunk: Buffer): void
  onResponseEnd?(controller: Controller, trailers: ParsedHeaders): void
  onResponseError?(controller: Controller, error: Error): void
  onBodySent?(chunk: unknown): void
  onRequestSent?(): void
}

const isSecondGeneration = (handler: object): handler is SecondGeneration =>
  typeof (handler as SecondGeneration).onRequestStart === 'function'

/** The handler itself, or an adapter where it is of the second generation. */
export function asFirstGeneration(handler: unknown): Handler {
  return isSecondGeneration(handler as object)
    ? new SecondGenerationAdapter(handler as SecondGeneration)
    : (handler as Handler)
}

/** undici's error for a call that is wrong. */
export const invalidArgument = (message: string): Error =>
  new (loadUndici().errors.InvalidArgumentError)(message)

/**
 * Throws undici's own error, in undici's own words, where the handler lacks a method that the request needs. Those of the
 * second generation may lack all but `onRequestStart`.
 */
export function refuseIncomplete(handler: object, method: unknown, upgrade: unknown): void {
  if (isSecondGeneration(handler)) return
  // Written out, since every request comes by here.
  const given = handler as Partial<Handler>
  if (typeof given.onConnect !== 'function') throw invalidMethod('onConnect')
  if (typeof given.onError !== 'function') throw invalidMethod('onError')
  if (typeof given.onBodySent !== 'function' && given.onBodySent !== undefined)
    throw invalidMethod('onBodySent')
  if (upgrade || method === 'CONNECT') {
    if (typeof given.onUpgrade !== 'function') throw invalidMethod('onUpgrade')
    return
  }
  if (typeof given.onHeaders !== 'function') throw invalidMethod('onHeaders')
  if (typeof given.onData !== 'function') throw invalidMethod('onData')
  if (typeof given.onComplete !== 'function') throw invalidMethod('onComplete')
}

const invalidMethod = (name: string): Error => invalidArgument(`invalid ${name} method`)

class SteeredRequest implements Controller {
  rawHeaders: RawHeaders | null = null
  rawTrailers: RawHeaders | null = null
  resumeBody: (() => void) | undefined
  readonly #abort: Abort
  #paused = false
  #aborted = false
  #reason: unknown = null

  constructor(abort: Abort) {
    this.#abort = abort
  }

  get paused(): boolean {
    return this.#paused
  }

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.resumeBody?.()
  }

  abort(reason?: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    this.#abort(reason)
  }
}

class SecondGenerationAdapter implements Handler {
  readonly #handler: SecondGeneration
  #request = new SteeredRequest(() => {})

  constructor(handler: SecondGeneration) {
    this.#handler = handler
  }

  onConnect(abort: Abort, context: unknown): void {
    this.#request = new SteeredRequest(abort)
    this.#handler.onRequestStart(this.#request, context)
  }

  onUpgrade(status: number, headers: RawHeaders, socket: Duplex): void {
    this.#request.rawHeaders = headers
    if (this.#handler.onRequestUpgrade === undefined) throw invalidMethod('onUpgrade')
    this.#handler.onRequestUpgrade(this.#request, status, parseHeaders(headers), socket)
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.()
  }

  onHeaders(status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean {
    this.#request.resumeBody = resume
    this.#request.rawHeaders = headers
    this.#handler.onResponseStart?.(this.#request, status, parseHeaders(headers), statusText)
    return !this.#request.paused
  }

  onData(chunk: Buffer): boolean {
    this.#handler.onResponseData?.(this.#request, chunk)
    return !this.#request.paused
  }

  onComplete(trailers: RawHeaders): void {
    this.#request.rawTrailers = trailers
    this.#handler.onResponseEnd?.(this.#request, parseHeaders(trailers))
  }

  onError(error: Error): void {
    if (this.#handler.onResponseError === undefined) throw invalidMethod('onError')
    this.#handler.onResponseError(this.#request, error)
  }

  onBodySent(chunk: unknown): void {
    this.#handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.()
  }
}

/** Names in lower case; a name that comes more than once has all its values in a list. Bytes are read as Latin-1. */
function parseHeaders(raw: RawHeaders | null | undefined): ParsedHeaders {
  const headers: ParsedHeaders = {}
  if (!raw) return headers
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i].toString('latin1').toLowerCase()
    const value = raw[i + 1] as Buffer | Buffer[]
    const text = Array.isArray(value) ? value.map((one) => one.toString('latin1')) : value.toString('latin1')
    const before = Object.hasOwn(headers, name) ? headers[name] : undefined
    if (before === undefined) {
      // defineProperty, since a header may be called `__proto__`.
      Object.defineProperty(headers, name, {
        value: text,
        writable: true,
        enumerable: true,
        configurable: true,
      })
    } else {
      headers[name] = [before, text].flat()
    }
  }
  return headers
}
