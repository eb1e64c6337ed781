import type { Dispatcher } from 'undici'
import { afterReads } from '../runtime/after-reads.js'
import { deadlineAt, deadlineValue, MOST_DEADLINE_MS, type ScopedOptions } from './deadline.js'
import { withHeader } from './host.js'

/** When one request has to be answered. It is kept once the answer's headers have come. */
export class RequestDeadline {
  readonly #at: number
  readonly #now: () => number
  #timer: NodeJS.Timeout | undefined

  private constructor(at: number, now: () => number) {
    this.#at = at
    this.#now = now
  }

  /** Undefined where there is none. `now`: ms on the balancer's clock. @throws ArgumentError */
  static of(options: ScopedOptions | undefined, now: () => number): RequestDeadline | undefined {
    if (options?.deadlineMs === undefined && options?.deadlineAt === undefined) return undefined
    const at = deadlineAt(options, now())
    return at === Number.POSITIVE_INFINITY ? undefined : new RequestDeadline(at, now)
  }

  /** ms; not above 0 once it is over. */
  get leftMs(): number {
    return this.#at - this.#now()
  }

  /** Has `onMissed` called when it is over, after what has come by then was read. */
  watch(onMissed: () => void): void {
    const { leftMs } = this
    // Longer ones are none to a timer, and every answer comes sooner.
    if (leftMs <= MOST_DEADLINE_MS) this.#timer = setTimeout(() => afterReads(onMissed), leftMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** The request with what is left, in that header; as it is where that is false. */
  on(options: Dispatcher.DispatchOptions, header: string | false): Dispatcher.DispatchOptions {
    if (header === false) return options
    return { ...options, headers: withHeader(options.headers, header, deadlineValue(header, this.leftMs)) }
  }
}
