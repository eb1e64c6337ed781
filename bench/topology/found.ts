/** A service whose endpoints a source finds, many of them, in rapid change: how long event loops are held. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { Balancer, type PolicyName, type SourceConfig } from 'fairlead'
import type { Case, Sample } from '../harness/case.js'
import { HoldWatch } from './hold-watch.js'
import { startWriter, type WriterKind } from './writers.js'

export interface Parameters {
  readonly source: WriterKind
  readonly endpoints: number
  readonly threads: number
  readonly updatesPerSecond: number
  /** Endpoints that one update changes. */
  readonly changes: number
  readonly policy?: PolicyName
}

const SERVICE = 'bench'
const READER = new URL('./reader.js', import.meta.url)
const PICK_MS = 2
const OUTCOME = { ok: true, status: 200, latencyMs: 2 }
const MIB = 2 ** 20

export async function prepare(parameters: Parameters): Promise<Case> {
  const { threads, policy = 'peak-ewma' } = parameters
  const writer = await startWriter(parameters.source, parameters)
  const source = writer.source as SourceConfig
  const balancer = new Balancer({ seed: 1, services: { [SERVICE]: { source, policy } } })
  const { handle } = balancer
  const readers: Worker[] = []
  const first = new HoldWatch()
  first.start()
  await balancer.start()
  await new Promise((resolve) => setTimeout(resolve, 50))
  const beginning = first.stop()
  for (let i = 0; i < threads; i++) {
    const reader = new Worker(READER, { workerData: { handle, service: SERVICE } })
    await once(reader, 'message')
    readers.push(reader)
  }
  const pick = setInterval(() => balancer.pick(SERVICE).end(OUTCOME), PICK_MS)
  const watch = new HoldWatch()
  let told = 0
  balancer.on('source', ({ type }) => {
    if (type === 'found') told++
  })
  return {
    ready: { firstHoldMs: beginning.holdMs, firstRunMs: beginning.runMs },
    async slice(ms) {
      for (const reader of readers) reader.postMessage('start')
      watch.start()
      told = 0
      const sent = await writer.run(ms as number)
      const leader = watch.stop()
      const samples = readers.map((reader) => once(reader, 'message'))
      for (const reader of readers) reader.postMessage('stop')
      const attached = (await Promise.all(samples)).map(([sample]) => sample as Sample)
      const most = (key: string) => Math.max(0, ...attached.map((sample) => sample[key]))
      const seconds = (ms as number) / 1000
      return {
        leaderHoldMs: leader.holdMs,
        leaderRunMs: leader.runMs,
        leaderOver10: leader.runsOver10,
        leaderBusy: leader.busyMs / (ms as number),
        threadHoldMs: most('holdMs'),
        threadRunMs: most('runMs'),
        threadOver10: most('runsOver10'),
        threadBusy: most('busyMs') / (ms as number),
        updates: sent / seconds,
        published: told / seconds,
        heapMiB: process.memoryUsage().heapUsed / MIB,
        rssMiB: process.memoryUsage().rss / MIB,
      }
    },
    async close() {
      clearInterval(pick)
      // By themselves: a thread that is terminated writes no profile.
      const ends = readers.map((reader) => once(reader, 'exit'))
      for (const reader of readers) reader.postMessage('end')
      await Promise.all(ends)
      await balancer.stop({ drainMs: 0 })
      await writer.close()
    },
  }
}
