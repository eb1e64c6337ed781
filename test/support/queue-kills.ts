/** Threads that are terminated while they push and pop, and what must hold afterwards. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect } from 'vitest'
import type { TicketQueue } from '../../lib/queue/ticket-queue.js'
import { seeded } from './seeded.mjs'

const SHIFT = 20
const MASK = 2 ** SHIFT - 1

export interface KillReport {
  readonly kills: number
  readonly popped: number
}

/**
 * Terminates `kills` threads, two at work at any time, at random moments; this thread pushes tickets of its own (thread
 * number 0) and pops. Where nobody else pops, every ticket of this thread must arrive, and each other thread's tickets must
 * arrive from its first on without a gap. In any case none arrives twice, and capacity is exact afterwards.
 */
export async function killThreads(
  queue: TicketQueue,
  engine: string,
  kills: number,
  pops: boolean,
  seed: number,
  progress: (done: number) => void = () => {},
): Promise<KillReport> {
  const below = seeded(seed)
  const last = new Map<number, number>()
  const out = new Uint32Array(4096)
  let own = 0
  let popped = 0
  const read = (): number => {
    const count = queue.popMany(out)
    for (const ticket of out.subarray(0, count)) {
      const thread = ticket >>> SHIFT
      const number = ticket & MASK
      const before = last.get(thread) ?? -1
      if (pops) expect(number, `ticket of thread ${thread}`).toBeGreaterThan(before)
      else expect(number, `ticket of thread ${thread}`).toBe(before + 1)
      last.set(thread, number)
    }
    popped += count
    return count
  }
  const start = async (index: number): Promise<Worker> => {
    const worker = new Worker(new URL('./queue-kills.worker.mjs', import.meta.url), {
      workerData: { handle: queue.handle, index, pops, seed: seed + index },
      env: { ...process.env, FAIRLEAD_ENGINE: engine },
    })
    await once(worker, 'message')
    return worker
  }
  const atWork: Promise<Worker>[] = []
  try {
    for (let index = 1; index <= kills; index++) {
      atWork.push(start(index))
      if (atWork.length < 2) continue
      const worker = await (atWork.shift() as Promise<Worker>)
      // Some end almost at once, some after a few milliseconds of work.
      for (let turns = below(6); turns >= 0; turns--) {
        if (own < MASK && queue.push(own)) own++
        read()
        await new Promise((resolve) => setTimeout(resolve, below(3)))
      }
      const ended = worker.terminate()
      read()
      await ended
      progress(index)
    }
  } finally {
    await Promise.all(atWork.map(async (worker) => (await worker).terminate()))
  }
  while (read() > 0 || (await everyLaneButOwn(queue)) > 0);
  if (!pops) expect(last.get(0) ?? -1, 'tickets of the thread that lives').toBe(own - 1)
  const { capacity } = queue.stats()
  expect(queue.pushMany(new Uint32Array(2 * capacity))).toBe(capacity)
  expect(queue.stats().allocated).toBe(capacity)
  let left = 0
  for (let count = queue.popMany(out); count > 0; count = queue.popMany(out)) left += count
  expect(left).toBe(capacity)
  expect(queue.stats().allocated).toBe(0)
  return { kills, popped }
}

/** Lanes that ended threads still own; their ends are heard of within some turns of the event loop. */
async function everyLaneButOwn(queue: TicketQueue): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 20))
  return queue.stats().producers - 1
}
