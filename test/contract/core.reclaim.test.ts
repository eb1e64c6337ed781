/** What an ended thread had in flight is taken off the counts exactly, wherever it was stopped; what living threads have stays. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  CONTRIBUTION,
  HEADER,
  MARK_BUSY,
  OUTCOME,
  SEGMENT_SLOTS,
  SLOT,
  THREAD,
  threadWord,
} from '../../lib/engine/layout.js'
import { claimThread, livingThreads } from '../../lib/engine/threads.js'
import { interposeAt } from '../support/atomics.js'
import { Block } from './block.js'
import { engines } from './engines.js'

vi.mock('../../lib/engine/ordering.js', () => import('../support/every-access.js'))

afterEach(() => {
  vi.restoreAllMocks()
})

class Stopped extends Error {}

/** Runs `work`, and stops it before or after its nth atomic operation, as the end of its thread would. False where it was done before. */
function stopAt(nth: number, when: 'before' | 'after', work: () => void): boolean {
  let left = nth
  for (const name of ['add', 'sub', 'store', 'compareExchange'] as const) {
    const real = Atomics[name] as (...args: unknown[]) => unknown
    vi.spyOn(Atomics, name).mockImplementation(((...args: unknown[]) => {
      if (--left === 0 && when === 'before') throw new Stopped()
      const result = real(...args)
      if (left === 0) throw new Stopped()
      return result
    }) as never)
  }
  try {
    work()
    return false
  } catch (error) {
    if (!(error instanceof Stopped)) throw error
    return true
  } finally {
    vi.restoreAllMocks()
  }
}

/** Three threads over one block; the first is the one that ends. */
function threeThreads(factory: (typeof engines)[number]['factory'], slots: number, limit = 0) {
  const block = new Block(slots, { limit })
  const threads = [0, 1, 2].map(() => claimThread(block.root))
  const cores = threads.map((thread) => block.core(factory, thread))
  const end = (thread: number) => {
    const at = threadWord(thread)
    block.root[at + THREAD.ENDED] = block.root[at + THREAD.HOLDER]
  }
  return { block, cores, end }
}

for (const { kind, factory } of engines) {
  describe(`reclaim, ${kind} engine`, () => {
    test('takes off all that the ended thread had in flight, in every segment, and nothing else', () => {
      const { block, cores, end } = threeThreads(factory, 1100)
      const [ending, living, cleaner] = cores
      for (const slot of [0, 1, 1, 1023, 1024, 1099]) ending.reserve(slot)
      for (const slot of [1, 1, 1024, 5]) living.reserve(slot)
      for (const slot of [1, 1023]) ending.answer(slot, 0, OUTCOME.SUCCEEDED, 3)
      living.answer(1, 0, OUTCOME.SUCCEEDED, 3)
      end(0)
      expect(cleaner.reclaim(0)).toBe(true)
      const counts = [0, 1, 5, 1023, 1024, 1099].map((slot) => block.get(slot, SLOT.IN_FLIGHT))
      expect(counts).toEqual([0, 2, 1, 0, 1, 0])
      expect([1, 1023].map((slot) => block.get(slot, SLOT.OPEN))).toEqual([1, 0])
      expect([0, 1, 1023, 1024, 1099].map((slot) => block.contribution(slot, 0))).toEqual([0, 0, 0, 0, 0])
      // Once more changes nothing: another cleaner may have to, when this one ends before it was done.
      expect(cleaner.reclaim(0)).toBe(true)
      expect(block.get(1, SLOT.IN_FLIGHT)).toBe(2)
      living.end(1, 0, OUTCOME.SUCCEEDED, -1)
      expect([block.get(1, SLOT.IN_FLIGHT), block.contribution(1, 1)]).toEqual([1, 1])
    })
  })
}

const fallback = engines.find(({ kind }) => kind === 'fallback')!.factory

const works: [string, number, (core: ReturnType<typeof threeThreads>['cores'][number]) => void][] = [
  ['a reservation without a limit', 0, (core) => void core.reserve(0)],
  ['a reservation below a limit', 9, (core) => void core.reserve(0)],
  ['an end', 0, (core) => core.end(0, 0, OUTCOME.SUCCEEDED, 3)],
  ['an answer', 0, (core) => core.answer(0, 0, OUTCOME.SUCCEEDED, 3)],
  [
    'the end of an answered request',
    0,
    (core) => {
      core.answer(0, 0, OUTCOME.SUCCEEDED, 3)
      core.close(0, true)
    },
  ],
]

describe('reclaim, fallback engine, of a thread that was stopped in the middle of', () => {
  test.each(works)('%s: the count is that of the living, wherever it was', (_what, limit, work) => {
    let stops = 0
    for (const when of ['before', 'after'] as const) {
      for (let nth = 1; nth <= 10; nth++) {
        const { block, cores, end } = threeThreads(fallback, 1, limit)
        const [ending, living, cleaner] = cores
        ending.reserve(0)
        living.reserve(0)
        living.reserve(0)
        living.answer(0, 0, OUTCOME.SUCCEEDED, 3)
        if (!stopAt(nth, when, () => work(ending))) break
        stops++
        end(0)
        expect(cleaner.reclaim(0), `stopped ${when} operation ${nth}`).toBe(true)
        expect(block.get(0, SLOT.IN_FLIGHT), `stopped ${when} operation ${nth}`).toBe(2)
        expect(block.get(0, SLOT.OPEN), `stopped ${when} operation ${nth}`).toBe(1)
        expect(block.contribution(0, 0)).toBe(0)
        living.end(0, 0, OUTCOME.SUCCEEDED, -1)
        expect(block.get(0, SLOT.IN_FLIGHT)).toBe(1)
      }
    }
    expect(stops).toBeGreaterThanOrEqual(2)
  })

  test('a reservation that another thread got ahead of', () => {
    for (const when of ['before', 'after'] as const) {
      const { block, cores, end } = threeThreads(fallback, 1, 9)
      const [ending, living, cleaner] = cores
      living.reserve(0)
      // The plain guess is one behind: the first exchange fails, and the thread is stopped at the second.
      const real = Atomics.compareExchange
      let first = true
      vi.spyOn(Atomics, 'compareExchange').mockImplementation(((...args: Parameters<typeof real>) => {
        if (first) {
          first = false
          vi.restoreAllMocks()
          living.reserve(0)
          const before = real(...args)
          stopAtNext(when)
          return before
        }
        return real(...args)
      }) as never)
      expect(() => ending.reserve(0)).toThrow(Stopped)
      vi.restoreAllMocks()
      end(0)
      expect(cleaner.reclaim(0)).toBe(true)
      expect(block.get(0, SLOT.IN_FLIGHT)).toBe(2)
    }
  })

  test('nothing is settled while a living thread is between its two words; it is when that is done', () => {
    const { block, cores, end } = threeThreads(fallback, 2)
    const [ending, living, cleaner] = cores
    ending.reserve(0)
    ending.reserve(1)
    living.reserve(0)
    end(0)
    const { contributions } = block.segments[0]
    const mark = (1 * SEGMENT_SLOTS + 0) * CONTRIBUTION.WORDS + CONTRIBUTION.MARK
    contributions[mark] += MARK_BUSY
    contributions[mark - CONTRIBUTION.MARK]++
    expect(cleaner.reclaim(0)).toBe(false)
    // What can be settled is; the rest waits.
    expect([block.get(0, SLOT.IN_FLIGHT), block.get(1, SLOT.IN_FLIGHT)]).toEqual([2, 0])
    Atomics.add(block.segments[0].cells, SLOT.IN_FLIGHT, 1)
    contributions[mark] += MARK_BUSY
    expect(cleaner.reclaim(0)).toBe(true)
    expect(block.get(0, SLOT.IN_FLIGHT)).toBe(2)
  })

  test('what a cleaner did that has ended as well is not done again', () => {
    for (const when of ['before', 'after'] as const) {
      const { block, cores, end } = threeThreads(fallback, 1)
      const [ending, cleaner, living] = cores
      ending.reserve(0)
      living.reserve(0)
      end(0)
      expect(stopAt(1, when, () => cleaner.reclaim(0))).toBe(true)
      end(1)
      expect(living.reclaim(0)).toBe(true)
      expect(living.reclaim(1)).toBe(true)
      expect(block.get(0, SLOT.IN_FLIGHT)).toBe(1)
    }
  })
})

test('a thread lives before others can see that one more has begun: R1 could not tell it from none otherwise', () => {
  let places = 0
  for (; ; places++) {
    const { root } = new Block(1)
    const claims = root[HEADER.THREAD_CLAIMS]
    const look = (): void => {
      if (root[HEADER.THREAD_CLAIMS] !== claims) expect(livingThreads(root)).toEqual([0])
    }
    if (!interposeAt(places, look, () => void claimThread(root))) break
  }
  expect(places).toBeGreaterThan(4)
})

/** Makes the next exchange the last operation of the thread. */
function stopAtNext(when: 'before' | 'after'): void {
  const real = Atomics.compareExchange as (...args: unknown[]) => unknown
  vi.spyOn(Atomics, 'compareExchange').mockImplementation(((...args: unknown[]) => {
    if (when === 'after') real(...args)
    throw new Stopped()
  }) as never)
}
