import { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'

type Body = NonNullable<Dispatcher.DispatchOptions['body']>
type Iterated = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/**
 * A body that is iterated (a generator, say) says of an error in it no more than that the request broke. Watched, it
 * keeps the error in `errored`, as streams do, so that the endpoint is not blamed for it. Other bodies stay as they are.
 */
export function watched(body: Body): Body {
  return isIterated(body) ? (new WatchedBody(body) as unknown as Body) : body
}

class WatchedBody {
  errored: unknown = null
  readonly #body: Iterated

  constructor(body: Iterated) {
    this.#body = body
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#body
    } catch (error) {
      this.errored = error
      throw error
    }
  }
}

/** Neither bytes, nor a stream, nor a form, though these can be iterated too. */
function isIterated(body: unknown): body is Iterated {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return false
  if (!(Symbol.asyncIterator in body || Symbol.iterator in body)) return false
  return !(body instanceof Readable || 'pipe' in body || 'append' in body)
}
