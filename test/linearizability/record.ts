import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { onTestFinished } from 'vitest'

/** Words that the threads share: see recording.mjs. */
const CLOCK_WORDS = 4

/**
 * Runs one worker for each element of `own`, which it is given with `shared` and with its number, and resolves to what
 * each recorded: its calls, by round.
 */
export async function record<Recorded>(
  worker: string,
  engine: string,
  shared: object,
  own: readonly object[],
): Promise<Recorded[][][]> {
  const clock = new Int32Array(new SharedArrayBuffer(CLOCK_WORDS * Int32Array.BYTES_PER_ELEMENT))
  const workers = own.map(
    (share, thread) =>
      new Worker(new URL(worker, import.meta.url), {
        workerData: { ...shared, ...share, clock, thread, threads: own.length },
        env: { ...process.env, FAIRLEAD_ENGINE: engine },
        execArgv: [],
      }),
  )
  onTestFinished(async () => {
    await Promise.all(workers.map((one) => one.terminate()))
  })
  return Promise.all(
    workers.map(async (one) => {
      const [histories] = await once(one, 'message')
      await one.terminate()
      return histories
    }),
  )
}
