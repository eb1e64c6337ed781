import { FairleadError } from '../errors.js'
import type { RequestLanes } from './lanes.js'
import { QUEUE_SIZES } from './layout.js'

const NONE = -1

/** A thread's holders in a queue of requests: one for each batch of views that it holds. */
export class Holders {
  readonly #lanes: RequestLanes
  readonly #taken = new Set<number>()

  constructor(lanes: RequestLanes) {
    this.#lanes = lanes
  }

  /** One that holds nothing. Throws where other batches of views hold all there are. */
  take(): number {
    const holder = this.#lanes.takeHolder()
    if (holder === NONE) {
      throw new FairleadError(
        'FAIRLEAD_OVERLOADED',
        `${QUEUE_SIZES.HOLDERS} batches of views of this ${this.#lanes.memory.kind.name} are held already, by all threads, which is the most there can be; release() those that are done with`,
      )
    }
    this.#taken.add(holder)
    return holder
  }

  /** Nothing where `freeAll` came first: it may be another thread's by now. */
  free(holder: number): void {
    if (this.#taken.delete(holder)) this.#lanes.freeHolder(holder)
  }

  /** Whatever they hold. */
  freeAll(): void {
    for (const holder of this.#taken) this.free(holder)
  }
}
