/** Whom a source tells, in tests: keeps all of it. */
import type { SourceSink } from '../../lib/sources/source.js'

export class RecordingSink implements SourceSink {
  readonly answers: (readonly unknown[])[] = []
  readonly byKey: ReadonlyMap<string, unknown>[] = []
  readonly errors: string[] = []
  unchangedTimes = 0
  /** Refuses what it is told while this is set. */
  refuses = false

  found(endpoints: readonly unknown[]): boolean {
    if (this.refuses) return false
    this.answers.push(endpoints)
    return true
  }

  records(byKey: ReadonlyMap<string, unknown>): void {
    // The source goes on with its own.
    this.byKey.push(new Map(byKey))
  }

  unchanged(): void {
    this.unchangedTimes++
  }

  failed(error: unknown): void {
    this.errors.push(error instanceof Error ? error.message : String(error))
  }
}
