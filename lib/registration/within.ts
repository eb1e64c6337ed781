/** Work that has to end in time, and that keeps the process alive until it does. */

/**
 * Aborts the work's signal after `ms`, or when one of the others aborts, and waits no longer than that even for work that does
 * not heed it.
 * @throws what the work throws; after an abort the signal's reason
 */
export async function within<T>(
  ms: number,
  others: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`etcd has not answered within ${ms} ms`)), ms)
  const signal = AbortSignal.any([late.signal, ...others.filter((other) => other !== undefined)])
  let onAbort = (): void => {}
  try {
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => reject(signal.reason)
    })
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    return await Promise.race([aborted, work(signal)])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
