import { jittered, type TimerHandle, type Timers } from '../runtime/timers.js'
import { aborting } from './aborting.js'
import { backoffMs, MAX_RETRY_MS } from './backoff.js'
import type { RunningSource, SourceSink } from './source.js'

/** What one look has found. */
export interface Look {
  /** undefined: as before. */
  readonly endpoints: readonly unknown[] | undefined
  /** How long it holds, ms, where the answer says so; undefined: the interval. */
  readonly nextMs?: number
  /** What of the answer is not among the endpoints, and why. */
  readonly leftOut?: string
}

/** A look that goes on and on tells what it finds by itself. */
export interface LongLook {
  readonly endpoints: 'told'
  readonly nextMs: number
}

/** @param otherwise what is wrong where the look is not over by then, nor goes on */
export type GoOn = (ms: number, otherwise: string) => void

export interface Polling {
  readonly intervalMs: number
  /** After which a look is given up, ms. */
  readonly timeoutMs: number
  /**
   * Aborts when the look takes too long, or the source has ended.
   * @param goOn gives it so long from now, for a look that goes on as long as it hears something
   */
  look(signal: AbortSignal, goOn: GoOn): Promise<Look | LongLook>
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
  #late: TimerHandle | undefined
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
    this.#late?.cancel()
    this.#looking?.abort()
  }

  async #look(): Promise<void> {
    this.#timer?.cancel()
    const looking = new AbortController()
    const began = this.#timers.now()
    this.#looking = looking
    const { timeoutMs } = this.#polling
    this.#giveUpAfter(timeoutMs, `there is no answer after ${timeoutMs} ms`, looking)
    let nextMs: number
    try {
      const look = await aborting(
        this.#polling.look(looking.signal, (ms, otherwise) => {
          if (this.#looking !== looking || looking.signal.aborted) return
          this.#late?.cancel()
          // What lasts is no failure of its beginning; what begins well and fails each time is left alone ever longer.
          if (this.#timers.now() - began >= MAX_RETRY_MS) this.#failures = 0
          this.#giveUpAfter(ms, otherwise, looking)
        }),
        looking.signal,
      )
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
      this.#late?.cancel()
      this.#looking = undefined
    }
    if (this.#again) nextMs = 0
    this.#again = false
    this.#timer = this.#timers.after(nextMs, () => void this.#look())
  }

  #giveUpAfter(ms: number, why: string, looking: AbortController): void {
    this.#late = this.#timers.after(ms, () => looking.abort(new Error(why)))
  }

  /** Whether what was found is taken. */
  #tell(look: Look | LongLook): boolean {
    if (look.endpoints === 'told') return true
    if (look.endpoints === undefined) this.#sink.unchanged()
    else if (!this.#sink.found(look.endpoints, look.leftOut)) {
      this.#polling.refused()
      return false
    }
    return true
  }
}
