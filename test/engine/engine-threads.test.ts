/** Records of threads: one cleaner for each that has ended, and none for its successor. */
import { afterEach, expect, it, vi } from 'vitest'
import { THREAD, threadWord } from '../../lib/engine/layout.js'
import { createRoot } from '../../lib/engine/memory.js'
import {
  claimThread,
  freeThread,
  isLiving,
  isLivingToken,
  livingThreads,
  takeEndedRecords,
  threadToken,
} from '../../lib/engine/threads.js'

afterEach(() => {
  vi.restoreAllMocks()
})

/** A thread of this number, which has ended or will. */
const GONE = 77

/** Records of two threads that live, and of one that is to end. */
function setUp() {
  const root = createRoot('fallback', 1)
  const [gone, one, other] = [claimThread(root), claimThread(root), claimThread(root)]
  root[threadWord(gone) + THREAD.HOLDER] = GONE + 1
  return { root, gone, one, other }
}

it('a record is taken by one cleaner, and by another only when that one has ended', () => {
  const { root, gone, one, other } = setUp()
  expect(livingThreads(root)).toEqual([gone, one, other])
  expect(takeEndedRecords(root, one, GONE - 1)).toEqual([])
  expect(takeEndedRecords(root, one, GONE)).toEqual([gone])
  expect(takeEndedRecords(root, other, GONE)).toEqual([])
  expect(livingThreads(root)).toEqual([one, other])
  root[threadWord(one) + THREAD.HOLDER] = GONE + 2
  expect(takeEndedRecords(root, other, GONE + 1)).toEqual([gone, one])
})

it('a token is that of one use of a record', () => {
  const { root, one } = setUp()
  const token = threadToken(root, one)
  expect([isLivingToken(root, token), isLivingToken(root, 0)]).toEqual([true, false])
  freeThread(root, one)
  expect([isLivingToken(root, token), isLiving(root, one)]).toEqual([false, false])
  expect(claimThread(root)).toBe(one)
  expect([isLivingToken(root, token), isLiving(root, one)]).toEqual([false, true])
})

it('a thread that hears of an end while the record is being freed, at whatever moment, does not take it', () => {
  for (let nth = 1; ; nth++) {
    const { root, gone, one, other } = setUp()
    expect(takeEndedRecords(root, one, GONE)).toEqual([gone])
    const taken: number[] = []
    let left = nth
    const look = () => {
      if (--left !== 0) return
      vi.restoreAllMocks()
      taken.push(...takeEndedRecords(root, other, GONE))
    }
    for (const name of ['store', 'add', 'compareExchange'] as const) {
      const real = Atomics[name] as (...args: unknown[]) => unknown
      vi.spyOn(Atomics, name).mockImplementation(((...args: unknown[]) => {
        const result = real(...args)
        look()
        return result
      }) as never)
    }
    freeThread(root, gone, threadToken(root, one))
    vi.restoreAllMocks()
    expect(taken, `after operation ${nth}`).toEqual([])
    expect(claimThread(root)).toBe(gone)
    expect(takeEndedRecords(root, other, GONE), `after operation ${nth}`).toEqual([])
    expect(livingThreads(root)).toEqual([gone, one, other])
    expect(root[threadWord(gone) + THREAD.CLEANER]).toBe(0)
    if (left > 0) {
      expect(nth).toBeGreaterThan(5)
      return
    }
  }
})
