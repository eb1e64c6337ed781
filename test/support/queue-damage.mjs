// The process of test/faults/queue-damage.test.ts, which may die of what it does: trials with queues whose memory gets
// damaged, one word of the plan in each. Says which trial it is at, so that whoever started it knows at which one it died.
//   FAIRLEAD_ENGINE=native node test/support/queue-damage.mjs '{"seed": 1, "rounds": 100}'
import { on } from 'node:events'
import { writeSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { RequestQueue, TicketQueue } from '../../dist/index.js'
import { seeded } from './seeded.mjs'

/** As in lib/queue/layout.ts. */
const [HEADER_WORDS, LANE_WORDS, LANES, WAITER_WORDS, WAITERS, HOLDER_WORDS] = [640, 64, 64, 16, 63, 16]
const LANES_USED = 17
const CAPACITIES = [1, 5, 64, 300, 5000]
const SLOT_BYTES = [16, 100]
/** Writes at random, beside those of the plan, while the queue is in use. */
const STRAY_WRITES = 2000

/** Words that the trials damage one by one: each field of the header, of some records, and some of each thing behind them. */
const lane = HEADER_WORDS
const waiter = lane + LANES * LANE_WORDS
const holder = waiter + WAITERS * WAITER_WORDS
const range = (/** @type {number} */ from, /** @type {number} */ n) =>
  Array.from({ length: n }, (_, i) => from + i)
const PLAN = [
  ...range(0, 132),
  ...range(lane, 2 * LANE_WORDS),
  ...range(lane + 9 * LANE_WORDS, LANE_WORDS),
  ...range(waiter, WAITER_WORDS),
  ...range(holder, 2 * HOLDER_WORDS),
  ...range(holder + 32 * HOLDER_WORDS, 4),
  ...range(-64 * 80, 4),
  ...range(-4, 4),
]

const { part = 0, parts = 1, seed = 1, rounds = 1 } = JSON.parse(process.argv[2] ?? '{}')
const stray = new SharedArrayBuffer(8)
const worker = new Worker(new URL('./queue-damage.worker.mjs', import.meta.url), {
  workerData: { lanesUsedAt: LANES_USED, stray },
})
const answers = on(worker, 'message')

/** @type {[string, number][]} */
let thrown = []
for (let round = 0; round < rounds; round++) {
  for (let trial = part; trial < PLAN.length; trial += parts) {
    for (const isTickets of [true, false]) {
      const below = seeded(seed * 7919 + round * 104729 + trial * 31 + Number(isTickets))
      for (let i = 0; i < 4; i++) below(2)
      const capacity = CAPACITIES[below(CAPACITIES.length)]
      const slotBytes = SLOT_BYTES[below(SLOT_BYTES.length)]
      const queue = isTickets ? new TicketQueue({ capacity }) : new RequestQueue({ capacity, slotBytes })
      const { handle } = queue
      const words = new Int32Array(handle.memory)
      const others = below(3) === 0 ? range(0, below(6)).map(() => below(words.length)) : []
      writeSync(1, `${round} ${trial} ${isTickets ? 'tickets' : 'requests'} of ${capacity}\n`)
      // A lane of this thread's, too.
      for (let i = below(capacity); i >= 0; i--)
        isTickets ? queue.push(/** @type {never} */ (i)) : queue.push(/** @type {never} */ (`${i}`))
      queue.flush()
      new Int32Array(stray)[0] = 0
      worker.postMessage({ handle, seed: below(2 ** 31), ats: [PLAN[trial], ...others], capacity })
      if (below(4) === 0) {
        Atomics.wait(new Int32Array(stray), 1, 0, 1)
        for (let i = 0; i < STRAY_WRITES && Atomics.load(new Int32Array(stray), 0) === 1; i++)
          words[below(2) === 0 ? below(Math.min(words.length, holder)) : below(words.length)] = below(2 ** 32)
      }
      const [said] = (await answers.next()).value
      if (said.fault !== undefined) {
        writeSync(1, `fault: ${said.fault}\n`)
        process.exit(1)
      }
      thrown = said.thrown
    }
  }
}
writeSync(1, `done ${JSON.stringify(thrown)}\n`)
process.exit(0)
