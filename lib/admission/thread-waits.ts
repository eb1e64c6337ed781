import type { SharedState } from '../engine/state.js'
import { TicketPool } from './ticket-pool.js'

/** What calls of other threads are for. */
export interface Called {
  called(): void
}

/** An interval that never comes, as far as a process lives. ms */
const NEVER_MS = 2 ** 31 - 1

/** All requests of this thread that wait: their tickets, and who is called where other threads grant them places. */
export class ThreadWaits {
  readonly pool: TicketPool
  readonly #state: SharedState
  readonly #queues = new Set<Called>()
  /** A request that waits keeps the process alive, as one that is under way does. */
  #alive: NodeJS.Timeout | undefined

  constructor(state: SharedState) {
    this.#state = state
    this.pool = new TicketPool(state)
  }

  /** A queue has the first of this thread's requests. */
  begin(queue: Called): void {
    if (this.#queues.size === 0) {
      this.#state.lines.listen(() => {
        for (const one of this.#queues) one.called()
      })
      this.#alive = setInterval(() => {}, NEVER_MS)
    }
    this.#queues.add(queue)
  }

  /** It has none any more. */
  end(queue: Called): void {
    if (!this.#queues.delete(queue) || this.#queues.size > 0) return
    this.#state.lines.close()
    clearInterval(this.#alive)
  }
}
