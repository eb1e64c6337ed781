/** A source of a user's own. What it throws, at once or later, is a failure of the source and harms nothing else. */
import { customSource } from '../runtime/sources.js'
import type { RunningSource, SourceSink } from './source.js'

export interface OwnSource {
  readonly name: string
  readonly options: Readonly<Record<string, unknown>>
}

export function startOwn({ name, options }: OwnSource, sink: SourceSink): RunningSource {
  const ending = new AbortController()
  const { signal } = ending
  /** What comes after the end is of no interest. */
  const guarded: Omit<SourceSink, 'records'> = {
    found: (endpoints) => !signal.aborted && sink.found(endpoints),
    unchanged: () => {
      if (!signal.aborted) sink.unchanged()
    },
    failed: (error) => {
      if (!signal.aborted) sink.failed(error)
    },
  }
  const definition = customSource(name)
  if (definition === undefined)
    guarded.failed(new Error(`no source "${name}" was defined in this thread; call defineSource in each`))
  else void (async () => definition.start(options, guarded, signal))().catch((error) => guarded.failed(error))
  return { stop: () => ending.abort() }
}
