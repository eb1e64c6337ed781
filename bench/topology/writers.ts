/** Who changes what a source finds: in this thread for a source of one's own, else in another one. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { defineSource, type SourceSink } from 'fairlead'
import { ChangingList } from './lists.js'

export type WriterKind = 'own' | 'file' | 'http'

export interface Rate {
  readonly endpoints: number
  readonly updatesPerSecond: number
  readonly changes: number
}

export interface Writer {
  readonly source: unknown
  /** Changes the list for that long; the number of changes. */
  run(ms: number): Promise<number>
  close(): Promise<void>
}

const WRITER_THREAD = new URL('./writer-thread.js', import.meta.url)

export const startWriter = (kind: WriterKind, rate: Rate): Promise<Writer> | Writer =>
  kind === 'own' ? ownWriter(rate) : threadWriter(kind, rate)

function ownWriter({ endpoints, updatesPerSecond, changes }: Rate): Writer {
  const list = new ChangingList(endpoints)
  let sink: SourceSink | undefined
  const name = defineSource('changing', {
    start(_options, given) {
      sink = given
      given.found(list.list)
    },
  })
  return {
    source: { name },
    async run(ms) {
      const begun = performance.now()
      let sent = 0
      for (let now = begun; now - begun < ms; now = performance.now()) {
        const due = Math.min(((now - begun) * updatesPerSecond) / 1000, sent + 2)
        while (sent < due) {
          sink?.found(list.next(changes))
          sent++
        }
        await sleep(1)
      }
      return sent
    },
    close: async () => {},
  }
}

async function threadWriter(kind: WriterKind, rate: Rate): Promise<Writer> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
  const worker = new Worker(WRITER_THREAD, { workerData: { kind, rate, folder } })
  const [{ source }] = await once(worker, 'message')
  return {
    source,
    async run(ms) {
      const answer = once(worker, 'message')
      worker.postMessage(ms)
      const [{ sent }] = await answer
      return sent
    },
    async close() {
      await worker.terminate()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
