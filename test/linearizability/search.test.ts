/** What the search accepts and what it must not, on histories written by hand and on made ones that are broken on purpose. */
import { describe, expect, it } from 'vitest'
import { seeded } from '../support/seeded.mjs'
import { LimitModel, type LimitStep } from './limit-model.js'
import { numberOf, QueueModel, queueCalls, type RecordedCall } from './queue-model.js'
import { findFault, overlaps } from './search.js'

const BLOCK = 4

function call(
  thread: number,
  [invoked, responded]: readonly [number, number],
  verb: RecordedCall['verb'],
  asked = 0,
  numbers: readonly (readonly [thread: number, index: number])[] = [],
): RecordedCall {
  return {
    thread,
    verb,
    invoked,
    responded,
    asked,
    numbers: numbers.map(([of, index]) => numberOf(of, index)),
  }
}

function fault(recorded: readonly RecordedCall[], capacity = 10): string | undefined {
  const shape = { threads: 3, capacity, block: BLOCK }
  return findFault(queueCalls(recorded, shape), new QueueModel(shape))
}

const A = 0
const B = 1
const C = 2
const pushed = (thread: number, at: readonly [number, number], ...indexes: number[]): RecordedCall =>
  call(
    thread,
    at,
    'push',
    indexes.length,
    indexes.map((index) => [thread, index]),
  )
const refused = (thread: number, at: readonly [number, number]): RecordedCall => call(thread, at, 'push', 1)
const flush = (thread: number, at: readonly [number, number]): RecordedCall => call(thread, at, 'flush')
const pop = (
  thread: number,
  at: readonly [number, number],
  ...numbers: (readonly [number, number])[]
): RecordedCall => call(thread, at, 'pop', 8, numbers)

describe('histories of a queue that the search accepts', () => {
  it.each<[string, RecordedCall[], number?]>([
    ['nothing', []],
    ['one thread', [pushed(A, [1, 2], 0), flush(A, [3, 4]), pop(A, [5, 6], [A, 0])]],
    ['its own pop publishes', [pushed(A, [1, 2], 0), pop(A, [3, 4], [A, 0])]],
    [
      'a full block is published',
      [pushed(A, [1, 2], 0, 1, 2, 3), pop(B, [3, 4], [A, 0], [A, 1], [A, 2], [A, 3])],
    ],
    ['what is not published is not seen', [pushed(A, [1, 2], 0), pop(B, [3, 4]), flush(A, [5, 6])]],
    ['a pop during the flush sees it', [pushed(A, [1, 2], 0), flush(A, [3, 6]), pop(B, [4, 5], [A, 0])]],
    ['a pop during the flush does not see it', [pushed(A, [1, 2], 0), flush(A, [3, 6]), pop(B, [4, 5])]],
    [
      'two lanes in any order',
      [
        pushed(A, [1, 2], 0),
        flush(A, [3, 4]),
        pushed(B, [5, 6], 0),
        flush(B, [7, 8]),
        pop(C, [9, 10], [B, 0], [A, 0]),
      ],
    ],
    [
      'lanes that were empty at different moments',
      [
        pushed(A, [1, 2], 0),
        flush(A, [3, 4]),
        pushed(B, [6, 7], 0),
        pop(C, [5, 14]),
        // A is emptied only after B was filled.
        flush(B, [8, 9]),
        pop(B, [10, 11], [A, 0]),
      ],
    ],
    ['a push that is refused while another has the place', [pushed(A, [1, 4], 0), refused(B, [2, 3])], 1],
    ['a refused push publishes', [pushed(A, [1, 2], 0), refused(A, [3, 4]), pop(B, [5, 6], [A, 0])], 1],
    [
      'a place that comes free during the push',
      [pushed(A, [1, 2], 0), flush(A, [3, 4]), pop(B, [6, 9], [A, 0]), pushed(A, [7, 8], 1)],
      1,
    ],
    [
      'more in one call than there is room for at once',
      [
        pushed(A, [1, 10], 0, 1, 2, 3, 4, 5, 6, 7),
        pop(B, [2, 3], [A, 0], [A, 1], [A, 2], [A, 3]),
        pop(B, [11, 12], [A, 4], [A, 5], [A, 6], [A, 7]),
      ],
      4,
    ],
  ])('%s', (_what, recorded, capacity) => {
    expect(fault(recorded, capacity)).toBeUndefined()
  })
})

describe('histories of a queue that the search does not accept', () => {
  it.each<[string, RecordedCall[], number?]>([
    ['twice', [pushed(A, [1, 2], 0), flush(A, [3, 4]), pop(B, [5, 6], [A, 0]), pop(C, [7, 8], [A, 0])]],
    [
      'twice at once',
      [pushed(A, [1, 2], 0), flush(A, [3, 4]), pop(B, [5, 8], [A, 0]), pop(C, [6, 7], [A, 0])],
    ],
    ['never pushed', [pop(B, [1, 2], [A, 0])]],
    ['before its push', [pop(B, [1, 2], [A, 0]), pushed(A, [3, 4], 0), flush(A, [5, 6])]],
    ['before it is published', [pushed(A, [1, 2], 0), pop(B, [3, 4], [A, 0]), flush(A, [5, 6])]],
    ['lost', [pushed(A, [1, 2], 0), flush(A, [3, 4]), pop(B, [5, 6])]],
    ['lost though its block was full', [pushed(A, [1, 2], 0, 1, 2, 3), pop(B, [3, 4])]],
    ['lost though a push was refused', [pushed(A, [1, 2], 0), refused(A, [3, 4]), pop(B, [5, 6])], 1],
    ['overtaken', [pushed(A, [1, 2], 0, 1), flush(A, [3, 4]), pop(B, [5, 6], [A, 1], [A, 0])]],
    [
      'overtaken, in two pops one after the other',
      [pushed(A, [1, 2], 0, 1), flush(A, [3, 4]), pop(B, [5, 6], [A, 1]), pop(C, [7, 8], [A, 0])],
    ],
    ['a gap', [pushed(A, [1, 2], 0, 1), flush(A, [3, 4]), pop(B, [5, 6], [A, 1])]],
    ['refused with room', [pushed(A, [1, 2], 0), refused(B, [3, 4])], 2],
    [
      'refused after the pop that made room',
      [pushed(A, [1, 2], 0), flush(A, [3, 4]), pop(B, [5, 6], [A, 0]), refused(A, [7, 8])],
      1,
    ],
    ['more than its capacity', [pushed(A, [1, 2], 0), pushed(B, [3, 4], 0)], 1],
    [
      'more than its capacity, whichever came first',
      [pushed(A, [1, 4], 0), pushed(B, [2, 3], 0), pop(C, [5, 6])],
      1,
    ],
    [
      'empty, though one of the lanes never was',
      [pushed(A, [1, 2], 0), flush(A, [3, 4]), pushed(B, [5, 6], 0), pop(C, [7, 14]), flush(B, [8, 9])],
    ],
  ])('%s', (_what, recorded, capacity) => {
    expect(fault(recorded, capacity)).toMatch(/\d: /)
  })

  it('refused by more than what others may have in hand', () => {
    const most = (left: number): RecordedCall[] => {
      const indexes = Array.from({ length: 100 - left }, (_, i) => i)
      return [pushed(A, [1, 2], ...indexes), pushed(B, [3, 8], 0), refused(C, [4, 5])]
    }
    // An eighth of 100, and B uses one of those.
    expect(fault(most(12), 100)).toBeUndefined()
    expect(fault(most(13), 100)).toMatch(/2: push 1, got \[\]/)
    expect(fault([...most(1).slice(0, 1), refused(C, [4, 5])], 100)).toMatch(/2: push 1, got \[\]/)
  })
})

it('says that a clock is wrong', () => {
  expect(() => fault([flush(A, [2, 1])])).toThrow(/clock/)
  expect(() => fault([flush(A, [1, 3]), flush(A, [2, 4])])).toThrow(/clock/)
})

it('counts pairs of calls of different threads that overlap', () => {
  const shape = { threads: 3, capacity: 10, block: BLOCK }
  const calls = [flush(A, [1, 4]), flush(B, [2, 7]), flush(C, [3, 5]), flush(A, [6, 8])]
  expect(overlaps(queueCalls(calls, shape))).toBe(4)
})

describe('made histories', () => {
  /** A history of a queue that does everything at one moment, the calls around it as long as they can be. */
  function made(seed: number): RecordedCall[] {
    const below = seeded(seed)
    const lanes = [A, B, C].map(() => ({ accepted: 0, published: 0, taken: 0 }))
    const capacity = 5
    let now = 0
    const starts = [A, B, C].map(() => now++)
    const calls: RecordedCall[] = []
    for (let i = 0; i < 60; i++) {
      const thread = below(3)
      const lane = lanes[thread]
      const inside = lanes.reduce((sum, { accepted, taken }) => sum + accepted - taken, 0)
      const what = below(3)
      const numbers: number[] = []
      const asked = what === 1 ? 0 : 1 + below(3)
      if (what === 0) {
        const room = Math.min(asked, capacity - inside)
        for (let n = 0; n < room; n++) {
          numbers.push(numberOf(thread, lane.accepted++))
          if (lane.accepted % BLOCK === 0) lane.published = lane.accepted
        }
        if (room < asked) lane.published = lane.accepted
      } else {
        lane.published = lane.accepted
        if (what === 2) {
          lanes.forEach((from, index) => {
            while (numbers.length < asked && from.taken < from.published)
              numbers.push(numberOf(index, from.taken++))
          })
        }
      }
      const verb = (['push', 'flush', 'pop'] as const)[what]
      calls.push({ thread, verb, invoked: starts[thread], responded: now++, asked, numbers })
      starts[thread] = now++
    }
    return calls
  }

  it('are accepted, and not once one number is popped twice, left out or exchanged for the next', () => {
    for (let seed = 0; seed < 100; seed++) {
      const calls = made(seed)
      expect(fault(calls, 5), `seed ${seed}`).toBeUndefined()
      const pops = calls.filter(({ verb, numbers }) => verb === 'pop' && numbers.length > 0)
      const one = pops[Math.floor(pops.length / 2)]
      const instead = (numbers: readonly number[]): RecordedCall[] =>
        calls.map((other) => (other === one ? { ...one, numbers } : other))
      const [first] = one.numbers
      expect(fault(instead([...one.numbers, first]), 5), `twice, seed ${seed}`).toBeDefined()
      expect(fault(instead([first + 1, ...one.numbers.slice(1)]), 5), `next, seed ${seed}`).toBeDefined()
      // Of a lane's last number nobody would know.
      const isLast = !pops.some(({ numbers }) => numbers.includes(one.numbers.at(-1)! + 1))
      if (!isLast) expect(fault(instead(one.numbers.slice(0, -1)), 5), `left out, seed ${seed}`).toBeDefined()
    }
  })
})

describe('histories of a limit', () => {
  const enter: LimitStep[] = [{ change: { word: 0, by: 1 } }]
  const leave: LimitStep[] = [{ change: { word: 0, by: -1 } }]
  const refuse: LimitStep[] = [{ facts: [0] }]
  const at = (thread: number, invoked: number, responded: number, steps: LimitStep[]) => ({
    thread,
    invoked,
    responded,
    steps,
    label: `at ${invoked}`,
  })

  it('are accepted where the limit was reached at one moment', () => {
    const calls = [at(A, 1, 2, enter), at(A, 3, 6, leave), at(B, 4, 5, refuse), at(B, 7, 8, enter)]
    expect(findFault(calls, new LimitModel([1]))).toBeUndefined()
  })

  it.each([
    ['one too many', [at(A, 1, 2, enter), at(B, 3, 4, enter)]],
    ['refused with nobody inside', [at(A, 1, 2, refuse)]],
    ['refused after the last has left', [at(A, 1, 2, enter), at(A, 3, 4, leave), at(B, 5, 6, refuse)]],
    ['refused before the first has come', [at(B, 1, 2, refuse), at(A, 3, 4, enter)]],
    ['left without having entered', [at(A, 1, 2, leave)]],
  ])('and not: %s', (_what, calls) => {
    expect(findFault(calls, new LimitModel([1]))).toMatch(/at \d/)
  })
})
