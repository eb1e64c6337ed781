import { jittered, type TimerHandle, type Timers } from '../runtime/timers.js'
import { aborting } from './aborting.js'
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
const FIRST_RETRY_MS = 500
const MAX_RETRY_MS = 30_000

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
        : this.#retryMs
    } catch (error) {
      if (this.#stopped) return
      this.#failures++
      this.#sink.failed(error)
      nextMs = this.#retryMs
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

  /** Doubled from failure to failure; half of it by chance. */
  get #retryMs(): number {
    const most = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#failures - 1))
    return (most / 2) * (1 + this.#timers.random())
  }
}
