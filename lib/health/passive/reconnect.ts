import type { Endpoint } from '../../model/index.js'
import { jittered, type TimerHandle, type Timers } from '../../runtime/timers.js'
import type { Check } from '../active/check.js'

const JITTER = 0.1

interface Watch {
  timer: TimerHandle
  readonly aborter: AbortController
}

/**
 * Tries to connect to endpoints that were ejected because nobody could connect to them, so that the end of an outage is noticed
 * within one interval and not at the end of a back-off that has grown. A connection that is accepted only brings the
 * probe request forward: it is a request that decides.
 */
export class Reconnection {
  readonly #timers: Timers
  readonly #check: Check
  readonly #watches = new Map<number, Watch>()

  constructor(timers: Timers, check: Check) {
    this.#timers = timers
    this.#check = check
  }

  isWatched(slot: number): boolean {
    return this.#watches.has(slot)
  }

  /**
   * Tries to connect every `intervalMs`, until it succeeds, which calls `accepted`, until `forget(slot)`, or until
   * `wanted` says no: another thread may have brought the endpoint back.
   */
  watch(
    slot: number,
    endpoint: Endpoint,
    intervalMs: number,
    wanted: () => boolean,
    accepted: () => void,
  ): void {
    this.forget(slot)
    const aborter = new AbortController()
    const wait = () =>
      this.#timers.after(jittered(this.#timers, intervalMs, JITTER), () => void tryToConnect())
    const watch: Watch = { timer: wait(), aborter }
    const tryToConnect = async (): Promise<void> => {
      if (!wanted()) return this.forget(slot)
      const { ok } = await this.#check(endpoint, intervalMs, aborter.signal)
      if (aborter.signal.aborted) return
      if (!ok) watch.timer = wait()
      else {
        this.#watches.delete(slot)
        accepted()
      }
    }
    this.#watches.set(slot, watch)
  }

  forget(slot: number): void {
    const watch = this.#watches.get(slot)
    if (watch === undefined) return
    this.#watches.delete(slot)
    watch.timer.cancel()
    watch.aborter.abort()
  }

  stop(): void {
    for (const slot of [...this.#watches.keys()]) this.forget(slot)
  }
}
