import type { Duplex } from 'node:stream'
import type { Dispatcher } from 'undici'
import { loadUndici } from '../runtime/lazy.js'
import { asFirstGeneration, type Controller, type Handler, type RawHeaders } from './handler.js'

type ParsedHeaders = Readonly<Record<string, string | string[] | undefined>>

/**
 * How to dispatch to `target`, of whichever undici it is. Those of undici 6 and before, Node 20's own among them, know the
 * first generation of handlers only, those of undici 8 the second only, and these refuse an option that undici 7 passes on.
 */
export function dispatchBy(target: Dispatcher): Dispatcher['dispatch'] {
  const isOfOurUndici: boolean = target instanceof loadUndici().Dispatcher
  if (isOfOurUndici) return (options, handler) => target.dispatch(options, handler)
  return (options, handler) => {
    const { dispatcher: _, ...rest } = options as Dispatcher.DispatchOptions & { dispatcher?: unknown }
    const understood = new BothGenerations(asFirstGeneration(handler))
    return target.dispatch(rest, understood as unknown as Dispatcher.DispatchHandler)
  }
}

/** The handler with the methods of both generations. */
class BothGenerations implements Handler {
  readonly #handler: Handler

  constructor(handler: Handler) {
    this.#handler = handler
  }

  // The first generation.

  onConnect(abort: (reason?: unknown) => void, context?: unknown): void {
    this.#handler.onConnect(abort, context)
  }

  onHeaders(status: number, headers: RawHeaders, resume: () => void, statusText: string): boolean {
    return this.#handler.onHeaders(status, headers, resume, statusText)
  }

  onData(chunk: Buffer): boolean {
    return this.#handler.onData(chunk)
  }

  onComplete(trailers: RawHeaders): void {
    this.#handler.onComplete(trailers)
  }

  onUpgrade(status: number, headers: RawHeaders, socket: Duplex): void {
    this.#handler.onUpgrade?.(status, headers, socket)
  }

  onError(error: Error): void {
    this.#handler.onError(error)
  }

  // The second.

  onRequestStart(controller: Controller, context: unknown): void {
    this.#handler.onConnect((reason) => controller.abort(reason), context)
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: ParsedHeaders,
    statusText: string | undefined,
  ): void {
    const raw = rawHeaders(controller?.rawHeaders, headers)
    const resume = () => controller.resume()
    if (this.#handler.onHeaders(status, raw, resume, statusText ?? '') === false) controller.pause()
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#handler.onData(chunk) === false) controller.pause()
  }

  onResponseEnd(controller: Controller, trailers: ParsedHeaders): void {
    this.#handler.onComplete(rawHeaders(controller?.rawTrailers, trailers))
  }

  onRequestUpgrade(controller: Controller, status: number, headers: ParsedHeaders, socket: Duplex): void {
    this.#handler.onUpgrade?.(status, rawHeaders(controller?.rawHeaders, headers), socket)
  }

  onResponseError(_controller: Controller, error: Error): void {
    this.#handler.onError(error)
  }

  // Both.

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.()
  }

  onBodySent(chunk: unknown): void {
    this.#handler.onBodySent?.(chunk)
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.()
  }
}

/** As they came over the wire, where the dispatcher has them still; else made of the parsed ones. */
function rawHeaders(raw: unknown, parsed: ParsedHeaders | undefined): RawHeaders {
  if (Array.isArray(raw)) return raw.map(asBytes)
  return Object.entries(parsed ?? {}).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((one) => [asBytes(name), asBytes(one)]),
  )
}

const asBytes = (item: unknown): Buffer =>
  Buffer.isBuffer(item) ? item : Buffer.from(String(item), 'latin1')
