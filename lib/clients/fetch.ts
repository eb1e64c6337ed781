import type { Dispatcher } from 'undici'
import { FairleadError, UnknownServiceError } from '../errors.js'
import type { PickOptions } from '../model/index.js'
import type { BalancedDispatcher } from './dispatcher.js'
import { failureOf } from './failed-tries.js'
import { replayable } from './replay.js'

/** `fetch`'s own options, and how to balance this request. */
export interface FetchInit extends RequestInit {
  balance?: PickOptions
}

/** Node's own, for whoever makes `balancer.fetch` the global one. */
const nodeFetch = globalThis.fetch

/** `fetch` reads these of its options, wherever they come from: those of a `Request` are no properties of its own. */
const FETCH_OPTIONS = [
  'balance',
  'body',
  'cache',
  'credentials',
  'duplex',
  'headers',
  'integrity',
  'keepalive',
  'method',
  'mode',
  'priority',
  'redirect',
  'referrer',
  'referrerPolicy',
  'signal',
  'window',
] as const

/**
 * The global `fetch` with fairlead's dispatcher under it. (undici 7's own `fetch` breaks on a global `FormData` and
 * `Request`, so it is always the caller's own Node's.) A service that is not configured is an error that names those
 * that are: whoever calls this means a service.
 */
export async function balancedFetch(
  dispatcher: BalancedDispatcher,
  knownServices: () => readonly string[],
  isService: (host: string) => boolean,
  input: string | URL | Request,
  init?: FetchInit | null,
): Promise<Response> {
  const { balance, ...rest } = plain(init)
  // It came back here: the global `fetch` is this function, or leads to it.
  if ((init as { dispatcher?: unknown } | null | undefined)?.dispatcher instanceof OneCall)
    return nodeFetch(input, init as RequestInit)
  const url = new URL(input instanceof Request ? input.url : input)
  if (!isService(url.host)) throw new UnknownServiceError(url.host, knownServices())
  const call = new OneCall(dispatcher, balance, replayable(rest.body))
  try {
    return await fetch(input, { ...rest, dispatcher: call } as object)
  } catch (error) {
    throw told(error)
  }
}

/** fetch wraps whatever its dispatcher says in a TypeError("fetch failed"): ours is worth more, and the rest bears what we know. */
function told(error: unknown): unknown {
  const cause = (error as Error | undefined)?.cause
  if (cause instanceof FairleadError) return cause
  const failure = failureOf(cause)
  if (failure !== undefined && Object.isExtensible(error))
    Object.defineProperty(error, 'fairlead', { value: failure, configurable: true, writable: true })
  return error
}

function plain(init: FetchInit | null | undefined): FetchInit {
  if (init === undefined || init === null) return {}
  const prototype: unknown = Object.getPrototypeOf(init)
  if (prototype === null || prototype === Object.prototype) return init
  return Object.fromEntries(
    FETCH_OPTIONS.flatMap((key) => (init[key as never] === undefined ? [] : [[key, init[key as never]]])),
  )
}

/** The dispatcher, with what only one call of `fetch` wants: as much of one as `fetch` needs. */
class OneCall {
  readonly #dispatcher: BalancedDispatcher
  readonly #pick: PickOptions | undefined
  readonly #body: Uint8Array | string | undefined

  constructor(
    dispatcher: BalancedDispatcher,
    pick: PickOptions | undefined,
    body: Uint8Array | string | undefined,
  ) {
    this.#dispatcher = dispatcher
    this.#pick = pick
    this.#body = body
  }

  get isMockActive(): boolean {
    return this.#dispatcher.isMockActive
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#dispatcher.dispatchWith(options, handler, { pick: this.#pick, body: this.#body })
  }
}
