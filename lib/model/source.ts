import type { EndpointConfig } from './options.generated.js'

/** Whom a source of your own tells. */
export interface SourceSink {
  /**
   * All endpoints that there are now, as in a configuration. A list of more than 500 is looked at a little later, in turns between
   * other work, and of several that come meanwhile the newest counts: objects that were handed over are not to be changed any more.
   * @param leftOut what is not among them and why, where something had to be left out: reported like a failure, while the rest counts
   * @returns false where they are refused at once: `balancer.stats()` says why, and what was found before stays
   */
  found(endpoints: readonly (string | EndpointConfig)[], leftOut?: string): boolean
  /** It looked, and there is nothing new: what was found is as fresh as now. */
  unchanged(): void
  /** It could not look. What was found before stays. */
  failed(error: unknown): void
}

/** A source of your own. */
export interface SourceDefinition {
  /**
   * Begins to look, in the one thread that leads, once the balancer has started; in another thread when that one has ended.
   * @param options of the configuration
   * @param sink is told what it finds, until `signal` aborts
   * @param signal aborts when the source is not needed any more
   */
  start(
    options: Readonly<Record<string, unknown>>,
    sink: SourceSink,
    signal: AbortSignal,
  ): void | Promise<void>
}
