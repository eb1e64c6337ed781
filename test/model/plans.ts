/** What the model's threads do. Each plan is as small as it can be and still have what its name says. */
import type { Call, Plan } from './ticket-queue.js'

const PUSH: Call = { push: 1 }
const POP: Call = { pop: 1 }
/** Items of a block, in a queue as small as these. */
const BLOCK = 16
/** Lanes begin a block before their positions wrap. */
const BEFORE_WRAP = 2 ** 32 - BLOCK

const repeat = (times: number, thread: number, ...calls: readonly Call[]) =>
  Array.from({ length: times }, () => calls.map((call) => ({ thread, call }))).flat()
/** The threads have lanes already: a lane, a block and a credit are taken in other plans. */
const lanes = (...threads: readonly number[]) => threads.flatMap((thread) => repeat(1, thread, PUSH, POP))
/** They have slept before, and so have waiters. */
const waiters = (...threads: readonly number[]) =>
  threads.flatMap((thread) => repeat(1, thread, { popWait: 1, timeoutMs: 300 }))

export const plans = {
  'a producer and a consumer': {
    capacity: 2,
    before: lanes(0),
    threads: [
      [PUSH, 'flush', PUSH, PUSH, 'flush'],
      [POP, { pop: 3 }],
    ],
  },
  'the end of a block, and of the positions': {
    capacity: 2,
    start: BEFORE_WRAP,
    before: repeat(BLOCK - 1, 0, PUSH, POP),
    threads: [
      [{ push: 2 }, PUSH, 'flush'],
      [{ pop: 2 }, { pop: 2 }],
    ],
  },
  'two consumers': { capacity: 2, before: lanes(0), threads: [[{ push: 2 }, 'flush'], [{ pop: 2 }], [POP]] },
  'two producers, their first items': { capacity: 1, threads: [[PUSH], [PUSH]] },
  'two producers, one place': {
    capacity: 1,
    before: lanes(0, 1),
    threads: [
      [PUSH, 'flush'],
      [PUSH, POP],
    ],
  },
  'one credit, wanted by two': {
    capacity: BLOCK,
    // The first push takes two credits, and leaves one of them in its lane.
    before: [...repeat(1, 0, PUSH), ...repeat(1, 1, { push: BLOCK - 2 })],
    threads: [[PUSH], [PUSH]],
  },
  'two producers, three places, a consumer': {
    capacity: 3,
    before: [...lanes(0, 1), ...repeat(1, 0, PUSH, 'flush')],
    threads: [[{ push: 2 }], [PUSH], [POP]],
  },
  'two producers, blocks only from what was read': {
    capacity: BLOCK,
    before: [
      ...repeat(1, 0, { push: BLOCK }, { pop: BLOCK }),
      ...repeat(1, 1, { push: BLOCK }, { pop: BLOCK }),
    ],
    unusedBlocks: 0,
    threads: [[PUSH], [PUSH]],
  },
  'a sleeper': {
    capacity: 2,
    before: [...lanes(0), ...waiters(1)],
    threads: [[PUSH, 'flush'], [{ popWait: 1 }]],
  },
  'two sleepers, one publication': {
    capacity: 2,
    before: [...lanes(0), ...waiters(1, 2)],
    threads: [[{ push: 2 }, 'flush'], [{ popWait: 1 }], [{ popWait: 1 }]],
  },
  'a sleeper, the last item, and the end': {
    capacity: 2,
    before: [...repeat(1, 0, PUSH, POP, PUSH), ...waiters(1)],
    threads: [['close'], [{ popWait: 1 }, { popWait: 1 }]],
  },
  'a sleeper and the end': {
    capacity: 2,
    before: [...lanes(0), ...waiters(1)],
    threads: [['close'], [{ popWait: 1 }]],
  },
  'a producer killed': {
    capacity: 2,
    before: lanes(0, 1),
    threads: [
      [PUSH, 'flush', PUSH],
      ['reap', PUSH],
    ],
    victim: 0,
  },
  'a producer killed while another takes a credit': {
    capacity: 2,
    before: lanes(0, 1),
    threads: [[PUSH], [PUSH, { push: 2 }], ['reap']],
    victim: 0,
    // Large already.
    preemptions: 1,
  },
  'a producer killed with its first item': {
    capacity: 1,
    before: lanes(1),
    threads: [[PUSH], ['reap', PUSH]],
    victim: 0,
  },
  'a producer killed as it leaves': {
    capacity: 2,
    before: lanes(0, 1),
    threads: [
      [PUSH, 'leave'],
      [PUSH, 'reap'],
    ],
    victim: 0,
  },
  'a producer killed as it takes a block': {
    capacity: BLOCK,
    before: [...repeat(1, 0, { push: BLOCK }, { pop: BLOCK }), ...lanes(1)],
    threads: [
      [PUSH, 'flush'],
      ['reap', POP],
    ],
    victim: 0,
  },
  'a consumer killed': {
    capacity: 2,
    before: [...lanes(0), ...repeat(1, 0, { push: 2 }, 'flush')],
    threads: [[PUSH], [POP], [POP]],
    victim: 2,
  },
  'a sleeper killed': {
    capacity: 2,
    before: [...lanes(0), ...waiters(1, 2)],
    threads: [[PUSH, 'flush', 'reap'], [{ popWait: 1 }], [{ popWait: 1 }]],
    victim: 1,
  },
} satisfies Record<string, Plan>
