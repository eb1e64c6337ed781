import type { Dispatcher } from 'undici'
import { FairleadError, UnknownServiceError } from '../errors.js'
import type { PickOptions } from '../model.js'
import type { BalancedDispatcher } from './dispatcher.js'
import { bytesOf } from './replay.js'

/** `fetch`'s own options, and how to balance this request. */
export interface FetchInit extends RequestInit {
  balance?: PickOptions
}

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
  const { balance, ...rest } = init ?? {}
  const url = new URL(input instanceof Request ? input.url : input)
  if (!isService(url.host)) throw new UnknownServiceError(url.host, knownServices())
  const body = rest.body === undefined ? undefined : bytesOf(rest.body)
  const own = balance !== undefined || body !== undefined
  const call = own ? { dispatch: forThisCall(dispatcher, balance, body) } : dispatcher
  try {
    return await fetch(input, { ...rest, dispatcher: call } as RequestInit)
  } catch (error) {
    // fetch wraps whatever its dispatcher says in a TypeError("fetch failed"): ours is worth more.
    const cause = (error as Error | undefined)?.cause
    throw cause instanceof FairleadError ? cause : error
  }
}

const forThisCall =
  (dispatcher: BalancedDispatcher, pick: PickOptions | undefined, body: Uint8Array | undefined) =>
  (options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean =>
    dispatcher.dispatchWith(options, handler, { pick, body })
