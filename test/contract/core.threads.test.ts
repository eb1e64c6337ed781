/** Both engines under real threads: counts exact, limits strict, turns fair. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, test } from 'vitest'
import { HEADER, SERVICE, SLOT, serviceWord } from '../../lib/engine/layout.js'
import { Block, spec } from './block.js'
import { engines } from './engines.js'

const THREADS = 4
const workers: Worker[] = []
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.terminate()))
})

function start(kind: string, block: Block, job: object): { workers: Worker[]; gate: Int32Array } {
  const gate = new Int32Array(new SharedArrayBuffer(12))
  gate[1] = THREADS
  const started = Array.from({ length: THREADS }, (_, thread) => {
    const workerData = {
      kind,
      thread,
      root: block.root,
      services: block.services,
      segments: block.segments,
      gate,
      job,
    }
    return new Worker(new URL('./core.worker.mjs', import.meta.url), { workerData, execArgv: [] })
  })
  workers.push(...started)
  return { workers: started, gate }
}

/** Runs the job in every thread, from a common start, and returns what each said. */
async function run<T>(kind: string, block: Block, job: object): Promise<T[]> {
  const answers = start(kind, block, job).workers.map(
    async (worker) => (await once(worker, 'message'))[0] as T,
  )
  return Promise.all(answers)
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0)
const OUTCOME_FIELDS = [SLOT.SUCCEEDED, SLOT.FAILED, SLOT.CANCELLED]

for (const { kind } of engines) {
  describe(`core over threads, ${kind} engine`, () => {
    const ended = (block: Block, slots: number) =>
      sum(
        Array.from({ length: slots }, (_, slot) =>
          sum(OUTCOME_FIELDS.map((field) => Number(block.total(slot, field)))),
        ),
      )
    const inFlight = (block: Block, slots: number) =>
      Array.from({ length: slots }, (_, slot) => block.get(slot, SLOT.IN_FLIGHT))
    const contributed = (block: Block, slots: number) =>
      Array.from({ length: slots }, (_, slot) =>
        sum(Array.from({ length: THREADS }, (_, thread) => block.contribution(slot, thread))),
      )

    test('reservations, ends, totals, histograms and contributions are exact', async () => {
      const SLOTS = 4
      const KEPT = 5
      const block = new Block(SLOTS, { peak: true })
      block.configure(0, { limit: 2 })
      block.root[HEADER.CLOCK_MODE] = 0
      const slots = spec('random', SLOTS).slots
      const job = { name: 'cycle', cycles: 40_000, kept: KEPT, slots }
      const answers = await run<{ ended: number; most: number }>(kind, block, job)
      expect(sum(inFlight(block, SLOTS))).toBe(THREADS * KEPT)
      expect(contributed(block, SLOTS)).toEqual(inFlight(block, SLOTS))
      expect(ended(block, SLOTS)).toBe(sum(answers.map((answer) => answer.ended)))
      const samples = slots.reduce((total, slot) => total + sum(Object.values(block.buckets(slot))), 0)
      expect(samples).toBe(sum(Array.from(slots, (slot) => Number(block.total(slot, SLOT.SUCCEEDED)))))
      for (const { most } of answers) expect(most).toBeLessThanOrEqual(2)
      for (const slot of slots) {
        // Each sample was between 0 and 4 ms, so every average of them is; half a lost write would not be.
        expect(block.latency(slot).average).toBeGreaterThanOrEqual(0)
        expect(block.latency(slot).average).toBeLessThanOrEqual(4)
      }
    })

    test.each([0, 1, 2])(
      'distributor %i hands out every reservation below the limits, and no more',
      async (distributor) => {
        const block = new Block(10, { limit: 2_000 })
        const slots = spec('random', 10).slots
        const answers = await run<{ picked: number }>(kind, block, { name: 'exhaust', distributor, slots })
        expect(sum(answers.map((answer) => answer.picked))).toBe(20_000)
        expect(inFlight(block, 10)).toEqual(new Array(10).fill(2_000))
        expect(contributed(block, 10)).toEqual(inFlight(block, 10))
      },
    )

    test('round robin is exactly fair over the threads, across the wrap of its cursor too', async () => {
      const PICKS = 300_000 // long enough for the threads to meet
      const block = new Block(7)
      block.services[serviceWord(0) + SERVICE.CURSOR] = -1_000
      const slots = spec('random', 7).slots
      const answers = await run<{ counts: number[] }>(kind, block, { name: 'turns', picks: PICKS, slots })
      const counts = Array.from(slots, (slot) => sum(answers.map((answer) => answer.counts[slot])))
      expect(sum(counts)).toBe(THREADS * PICKS)
      expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
    })

    test('no latency sample is lost: under a peak average and a standing clock the highest so far stays', async () => {
      const block = new Block(1, { peak: true })
      const answers = await run<{ lost: number }>(kind, block, { name: 'peaks', samples: 200_000 })
      expect(answers.map((answer) => answer.lost)).toEqual([0, 0, 0, 0])
    })
  })
}

describe.skipIf(engines[0].kind !== 'native')('native engine, threads that are terminated', () => {
  test('no call is cut in two: the shared counts are those of the contributions', async () => {
    const block = new Block(3, { limit: 50 })
    block.root[HEADER.CLOCK_MODE] = 0
    const succeeded = () => sum([0, 1, 2].map((slot) => Number(block.total(slot, SLOT.SUCCEEDED))))
    for (let round = 0; round < 5; round++) {
      const { workers, gate } = start('native', block, { name: 'forever', slots: spec('random', 3).slots })
      while (Atomics.load(gate, 2) === 0) await new Promise((resolve) => setTimeout(resolve, 5))
      // Of all slots: one where a thread was stopped in an earlier round is silent, and the choice may leave it alone.
      const before = succeeded()
      while (succeeded() === before) await new Promise((resolve) => setTimeout(resolve, 1))
      await Promise.all(workers.map((worker) => worker.terminate()))
      let leaked = 0
      for (let slot = 0; slot < 3; slot++) {
        const contributions = Array.from({ length: THREADS }, (_, thread) => block.contribution(slot, thread))
        expect(block.get(slot, SLOT.IN_FLIGHT)).toBe(sum(contributions))
        leaked += sum(contributions)
      }
      // A thread may have been stopped between its pick and its end, once a round.
      expect(leaked).toBeLessThanOrEqual(THREADS * (round + 1))
    }
  })
})
