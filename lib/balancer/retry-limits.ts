import type { SlotCounters } from '../admission/connection-counts.js'
import type { ResolvedLimits } from '../admission/options.js'
import { NO_PLACE, type SharedCount, UNLIMITED } from '../admission/shared-count.js'
import type { SharedState } from '../engine/state.js'

/**
 * How many further tries of a service's requests may be under way, over all threads: from the decision to try again until
 * that try has ended, the wait before it included. Beside the retry budget, which bounds how many there are in ten seconds.
 */
export class RetryLimits {
  readonly #state: SharedState
  readonly #count: () => SharedCount
  readonly #slots: SlotCounters
  readonly #limits: () => ResolvedLimits

  /** @param count of the service as a whole */
  constructor(
    state: SharedState,
    count: () => SharedCount,
    slots: SlotCounters,
    limits: () => ResolvedLimits,
  ) {
    this.#state = state
    this.#count = count
    this.#slots = slots
    this.#limits = limits
  }

  /** A further try is to be made, to whichever endpoint; false where the service's limit does not allow it. */
  take(): boolean {
    return this.#count().enter(this.#limits().maxRetries || UNLIMITED) !== NO_PLACE
  }

  /** It has ended, or came to nothing. */
  leave(): void {
    if (!this.#state.detached) this.#count().leave()
  }

  /** It goes to that slot; false where the endpoint's limit does not allow it. */
  takeAt(slot: number): boolean {
    const most = this.#limits().perEndpoint.maxRetries || UNLIMITED
    return this.#slots.of(slot).retries.enter(most) !== NO_PLACE
  }

  leaveAt(slot: number): void {
    if (!this.#state.detached) this.#slots.of(slot).retries.leave()
  }
}
