import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { longestWait, standingAfterMs, type Wait } from '../../lib/admission/discipline.js'

/** Callers give up, unless it is said. */
const wait = (rest: Partial<Wait>): number =>
  longestWait({
    discipline: 'codel',
    longestMs: 1_000,
    busyMs: 0,
    isImpatient: true,
    leftMs: undefined,
    baseMs: 0,
    meanMs: 0,
    ...rest,
  })

describe('the longest wait of a request', () => {
  test.each([
    ['a queue that was empty', {}, 1_000],
    ['one that has not been for 100 ms', { busyMs: 100 }, 1_000],
    ['one that has not been for longer', { busyMs: 101 }, 5],
    ['the same, where nobody gives up', { busyMs: 101, isImpatient: false }, 1_000],
    ['the same, first come', { busyMs: 101, discipline: 'fifo' as const }, 1_000],
    ['answers of 100 ms: not standing yet', { busyMs: 900, baseMs: 100 }, 1_000],
    ['answers of 100 ms: standing', { busyMs: 1_001, baseMs: 100 }, 50],
    ['answers that take longer than they would alone', { busyMs: 1_001, baseMs: 100, meanMs: 400 }, 50],
    ['a deadline', { leftMs: 300, baseMs: 10, meanMs: 40 }, 260],
    ['a deadline in a standing queue', { leftMs: 42, meanMs: 40, busyMs: 5_000 }, 2],
    ['a deadline longer than the default', { leftMs: 5_000 }, 5_000],
    ['a deadline that cannot be met', { leftMs: 30, meanMs: 40 }, -10],
    ['a deadline in a month', { leftMs: 2_000_000_000 }, 86_400_000],
  ])('%s', (_what, rest, ms) => {
    expect(wait(rest)).toBe(ms)
  })

  test('is never above what is useful, and never longer for a longer busy time', () => {
    const time = fc.double({ min: 0, max: 1e6, noNaN: true })
    fc.assert(
      fc.property(
        time,
        time,
        time,
        time,
        fc.constantFrom('codel', 'fifo'),
        (left, answer, busy, more, discipline) => {
          const of = (busyMs: number) =>
            wait({ discipline, busyMs, leftMs: left, baseMs: answer, meanMs: answer })
          return of(busy) <= left - answer && of(busy + more) <= of(busy)
        },
      ),
    )
  })

  test('a queue is standing after 100 ms, or ten answers', () => {
    expect([0, 5, 10, 20, 1_000].map(standingAfterMs)).toEqual([100, 100, 100, 200, 10_000])
  })
})
