import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** The number of a worker thread that has ended. Something that hears of it must be loaded before. */
export async function endedThread(): Promise<number> {
  const worker = new Worker('', { eval: true })
  const { threadId } = worker
  await once(worker, 'exit')
  return threadId
}
