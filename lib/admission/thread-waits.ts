import type { SharedState } from '../engine/state.js'
import { TicketPool } from './ticket-pool.js'

/** What calls of other threads are for. */
export interface Called {
  called(): void
}

/** An interval that never comes, as far as a process lives. ms */
const NEVER_MS = 2 ** 31 - 1
/**
 * For how long the thread can still be called after nobody waits any more, ms. To begin and to end that takes as long as
 * all the rest of a hand-over, and where places are short the next request waits soon.
 */
const LINGER_MS = 1_000

/** All requests of this thread that wait: their tickets, and who is called where other threads grant them places. */
export class ThreadWaits {
  readonly pool: TicketPool
  readonly #state: SharedState
  readonly #queues = new Set<Called>()
  /** While the thread can be called. A request that waits keeps the process alive by it, as one that is under way does. */
  #alive: NodeJS.Timeout | undefined
  #closing: NodeJS.Timeout | undefined

  constructor(state: SharedState) {
    this.#state = state
    this.pool = new TicketPool(state)
  }

  /** A queue has the first of this thread's requests. */
  begin(queue: Called): void {
    if (this.#alive === undefined) this.#alive = this.#listen()
    else if (this.#queues.size === 0) this.#alive.ref()
    this.#queues.add(queue)
  }

  /** It has none any more. */
  end(queue: Called): void {
    if (!this.#queues.delete(queue) || this.#queues.size > 0) return
    this.#alive?.unref()
    this.#closing ??= setTimeout(() => this.#closeUnlessWaited(), LINGER_MS).unref()
  }

  #listen(): NodeJS.Timeout {
    this.#state.lines.listen(() => {
      for (const one of this.#queues) one.called()
    })
    return setInterval(() => {}, NEVER_MS)
  }

  #closeUnlessWaited(): void {
    this.#closing = undefined
    if (this.#queues.size > 0) return
    this.#state.lines.close()
    clearInterval(this.#alive)
    this.#alive = undefined
  }
}
