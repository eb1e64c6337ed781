/** A hundred million numbers through a queue on each engine: each counted, none lost, none twice. Says how far it is. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, it, onTestFinished } from 'vitest'
import { queueClasses } from '../contract/queue-engines.js'

const ITEMS = 100_000_000
const PRODUCERS = 2
const CONSUMERS = 2
const EACH = ITEMS / PRODUCERS

it.each(queueClasses)(
  '$kind engine: a hundred million items, two producers, two consumers',
  async ({ kind, Queue }) => {
    const queue = new Queue({ capacity: 65_536 })
    // A bit for each number: consumers set it, and find it set already where a number comes twice.
    const seen = new SharedArrayBuffer(ITEMS / 8)
    const start = (role: string, number: number): Worker => {
      const worker = new Worker(new URL('./ticket-queue-items.worker.mjs', import.meta.url), {
        workerData: { role, number, each: EACH, handle: queue.handle, seen },
        env: { ...process.env, FAIRLEAD_ENGINE: kind },
      })
      onTestFinished(async () => void (await worker.terminate()))
      return worker
    }
    const producers = Array.from({ length: PRODUCERS }, (_, i) => start('produce', i))
    const consumers = Array.from({ length: CONSUMERS }, (_, i) => start('consume', i))
    const progress = setInterval(() => {
      console.log(`${kind}: ${Math.round(queue.stats().popped / 1e6)} million popped`)
    }, 10_000)
    onTestFinished(() => clearInterval(progress))
    const begin = performance.now()
    const results = consumers.map(async (worker) => (await once(worker, 'message'))[0])
    await Promise.all(producers.map((worker) => once(worker, 'message')))
    queue.close()
    const popped = (await Promise.all(results)) as {
      count: number
      sum: bigint
      twice: number
      disordered: number
    }[]
    const seconds = (performance.now() - begin) / 1000
    console.log(`${kind}: ${Math.round(ITEMS / seconds / 1e6)} million items/s`)
    const total = (field: 'count' | 'twice' | 'disordered') =>
      popped.reduce((sum, one) => sum + one[field], 0)
    expect(total('count')).toBe(ITEMS)
    expect(total('twice')).toBe(0)
    expect(total('disordered')).toBe(0)
    expect(popped.reduce((sum, one) => sum + one.sum, 0n)).toBe((BigInt(ITEMS) * BigInt(ITEMS - 1)) / 2n)
    expect(new Uint8Array(seen).every((byte) => byte === 0xff)).toBe(true)
  },
)
