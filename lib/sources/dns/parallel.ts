/** Many questions at the same time. */
import { setMaxListeners } from 'node:events'

/** Runs `run` for all, `limit` at a time. The first that fails ends the others, and is what this rejects with. */
export async function inParallel<I, O>(
  items: readonly I[],
  limit: number,
  signal: AbortSignal,
  run: (item: I, signal: AbortSignal) => Promise<O>,
): Promise<O[]> {
  const stop = new AbortController()
  // As many as `limit`, which is no leak to warn of.
  setMaxListeners(0, stop.signal)
  const onAbort = (): void => stop.abort(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const results = new Array<O>(items.length)
  const waiting = items.entries()
  const work = async (): Promise<void> => {
    for (const [i, item] of waiting) results[i] = await run(item, stop.signal)
  }
  try {
    await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work))
    return results
  } finally {
    signal.removeEventListener('abort', onAbort)
    stop.abort()
  }
}
