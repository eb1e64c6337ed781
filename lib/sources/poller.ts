import { jittered, type TimerHandle, type Timers } from '../runtime/timers.js'
import { backoffMs } from './backoff.js'
import type { RunningSource, SourceSink } from './source.js'

/** What one look has found. */
export interface Look {
  /** undefined: as before. */
  readonly endpoints: readonly unknown[] | undefined
  /** How long it holds, ms, where the answer says so; undefined: the interval. */
  readonly nextMs?: number
}

export interface Polling {
  readonly intervalMs: number
  /** After which a look is given up, ms. */
  readonly timeoutMs: number
  /** Aborts when the look takes too long, or the source has ended. */
  look(signal: AbortSignal): Promise<Look>
  /** What the last look has found was refused: it must not count as known. */
  refused(): void
}

const JITTER = 0.1

/**
 * Looks again and again: after the interval, or when the last answer is out of date; after a failure sooner, at first, and
 * then ever less often, so that a server that comes back is not met by all at once.
 */
export class Poller implements RunningSource {
  readonly #polling: Polling
  readonly #sink: SourceSink
  readonly #timers: Timers
  #timer: TimerHandle | undefined
  #looking: AbortController | undefined
  #failures = 0
  /** Asked for while a look was under way: that one may have been too early. */
  #again = false
  #stopped = false

  constructor(polling: Polling, sink: SourceSink, timers: Timers) {
    this.#polling = polling
    this.#sink = sink
    this.#timers = timers
    void this.#look()
  }

  /** Looks at once, or once more after the look under way. */
  lookNow(): void {
    if (this.#stopped) return
    if (this.#looking !== undefined) this.#again = true
    else void this.#look()
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
    this.#looking?.abort()
  }

  async #look(): Promise<void> {
    this.#timer?.cancel()
    const { timeoutMs } = this.#polling
    const looking = new AbortController()
    this.#looking = looking
    const late = this.#timers.after(timeoutMs, () =>
      looking.abort(new Error(`there is no answer after ${timeoutMs} ms`)),
    )
    let nextMs: number
    try {
      const look = await aborting(this.#polling.look(looking.signal), looking.signal)
      if (this.#stopped) return
      const isGood = this.#tell(look)
      this.#failures = isGood ? 0 : this.#failures + 1
      nextMs = isGood
        ? (look.nextMs ?? jittered(this.#timers, this.#polling.intervalMs, JITTER))
        : backoffMs(this.#failures, undefined, this.#timers)
    } catch (error) {
      if (this.#stopped) return
      this.#failures++
      this.#sink.failed(error)
      nextMs = backoffMs(this.#failures, error, this.#timers)
    } finally {
      late.cancel()
      this.#looking = undefined
    }
    if (this.#again) nextMs = 0
    this.#again = false
    this.#timer = this.#timers.after(nextMs, () => void this.#look())
  }

  /** Whether what was found is taken. */
  #tell({ endpoints }: Look): boolean {
    if (endpoints === undefined) this.#sink.unchanged()
    else if (!this.#sink.found(endpoints)) {
      this.#polling.refused()
      return false
    }
    return true
  }
}

/** As `promise`, but never waits for one that does not heed the signal. */
function aborting<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
