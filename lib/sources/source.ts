/** What a source of endpoints is to the balancer: something that looks, tells what it has found, and can be ended. */
import type { Timers } from '../runtime/timers.js'

/** Who is told. Nothing that is told may throw back into the source. */
export interface SourceSink {
  /**
   * All endpoints that there are now, each as in a configuration: a URL, or an object. They are checked by who is told: false where they
   * are refused, and what was found before stays.
   */
  found(endpoints: readonly unknown[]): boolean
  /**
   * The same from many writers, by key, in the order in which they count: each is checked by itself, and one that is faulty is left
   * out and told of. An error in the place of a record says why it cannot be read. What is the same object as before is not checked again.
   * @param byKey is of the source, which may change it after the call
   * @param changed keys that have come, gone or changed since the last call; undefined, any may have
   */
  records(byKey: ReadonlyMap<string, unknown>, changed?: ReadonlySet<string>): void
  /** It looked, and there is nothing new. */
  unchanged(): void
  /** It could not look, or what it found is no list of endpoints. What was found before stays. */
  failed(error: unknown): void
}

export interface RunningSource {
  /** Ends it, whatever it is at: no timer, socket or file is left, and it tells nothing any more. */
  stop(): void
}

export type StartSource<Options> = (options: Options, sink: SourceSink, timers: Timers) => RunningSource
