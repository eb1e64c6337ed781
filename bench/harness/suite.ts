import type { EngineKind, Result } from './result.js'

/** What a suite is given. */
export interface Run {
  /** Fewer and shorter rounds: to see that everything works, not to quote. */
  readonly quick: boolean
  /** The engines to measure: both, unless FAIRLEAD_ENGINE names one or the addon is missing. */
  readonly engines: readonly EngineKind[]
  /** Says what runs now; the line is replaced by the next one where there is a terminal. */
  progress(line: string): void
  /** Says something worth keeping beside the figures. */
  note(line: string): void
}

export interface Suite {
  readonly name: string
  readonly about: string
  run(run: Run): Promise<Result[]>
}
