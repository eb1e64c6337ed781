import { FairleadError } from '../errors.js'
import type { RequestSpan } from './lanes.js'
import type { RequestMemory } from './request-memory.js'

/**
 * Popped requests that were not copied: arrays over the queue's own memory, of one block. They are the caller's until
 * `release()`, which is to be called once they are done with; from then on other requests are written there, and an array
 * that was kept shows those. Until then the block is out of use, though the queue still holds its whole capacity. With
 * `using` the end of the scope releases them. What a thread has not released is released when it ends.
 *
 * The arrays are shared memory: what a function will not take that way, `slice()` copies.
 */
export class RequestViews implements Iterable<Uint8Array> {
  readonly length: number
  #requests: readonly Uint8Array[] | undefined
  readonly #letGo: () => void

  /** Not for callers: `popMany` makes them. */
  constructor(requests: readonly Uint8Array[], letGo: () => void) {
    this.length = requests.length
    this.#requests = requests
    this.#letGo = letGo
  }

  /** Throws a FairleadError, FAIRLEAD_CLOSED, after `release()`. */
  get requests(): readonly Uint8Array[] {
    if (this.#requests !== undefined) return this.#requests
    throw new FairleadError(
      'FAIRLEAD_CLOSED',
      'These views were released, and other requests may be there by now; copy what is needed for longer, with slice(), before release()',
    )
  }

  [Symbol.iterator](): Iterator<Uint8Array> {
    return this.requests[Symbol.iterator]()
  }

  /** The requests are done with. A second call does nothing. */
  release(): void {
    if (this.#requests === undefined) return
    this.#requests = undefined
    this.#letGo()
  }

  [Symbol.dispose](): void {
    this.release()
  }
}

/** None. It holds nothing, so it is never released. */
class NoViews extends RequestViews {
  override release(): void {}
}

export const NO_VIEWS: RequestViews = new NoViews([], () => {})

/** Views of requests that a holder holds. */
export function viewsOf(memory: RequestMemory, span: RequestSpan, letGo: () => void): RequestViews {
  const { lengths, slab, slotStride, slotBytes } = memory
  const requests: Uint8Array[] = []
  for (let slot = span.slot; slot < span.slot + span.count; slot++) {
    // Never more than that, by whoever abides by the protocol.
    const length = Math.min(lengths[slot], slotBytes)
    requests.push(new Uint8Array(slab.buffer, slab.byteOffset + slot * slotStride, length))
  }
  return new RequestViews(requests, letGo)
}
