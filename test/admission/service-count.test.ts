/** A count of a whole service, strict over threads: another thread comes in between any two operations of one. */
import { describe, expect, test, vi } from 'vitest'
import { NO_PLACE, ServiceCount } from '../../lib/admission/service-count.js'
import { selection } from '../../lib/engine/index.js'
import { CONTRIBUTION, MARK_BUSY, SERVICE } from '../../lib/engine/layout.js'
import { SharedState } from '../../lib/engine/state.js'
import { interposeAt } from '../support/atomics.js'

vi.mock('../../lib/engine/ordering.js', () => import('../support/every-access.js'))

const LIMIT = 3
const MOST = 100

function twoThreads() {
  const a = SharedState.create(selection.kind, selection.factory, 1)
  const service = a.claims.takeService()
  const b = SharedState.attach(a.root, a.fix(1, 1), selection.factory)
  const words = a.serviceWords(service)
  const own = (state: SharedState, field: number) =>
    words[state.serviceContribution(state.thread, service) + field]
  return {
    counts: [ServiceCount.inFlight(a, service), ServiceCount.inFlight(b, service)],
    waiting: ServiceCount.waiting(a, service),
    /** The count, what each thread says that it contributes, and whether one is said to be at work. */
    words: () => [
      words[a.serviceField(service, SERVICE.IN_FLIGHT)],
      own(a, CONTRIBUTION.IN_FLIGHT),
      own(b, CONTRIBUTION.IN_FLIGHT),
      (own(a, CONTRIBUTION.MARK) | own(b, CONTRIBUTION.MARK)) & MARK_BUSY,
    ],
    markOf: () => own(a, CONTRIBUTION.MARK),
    waitingWords: () => [words[a.serviceField(service, SERVICE.WAITING)], own(a, CONTRIBUTION.WAITING)],
  }
}

describe('two threads', () => {
  test('whoever comes in between, each place is counted once, for the thread that has it', () => {
    let places = 0
    for (let at = 0; at < MOST; at++) {
      const {
        counts: [a, b],
        words,
      } = twoThreads()
      const taken: number[] = []
      const isReached = interposeAt(
        at,
        () => taken.push(b.enter(LIMIT)),
        () => taken.push(a.enter(LIMIT)),
      )
      if (!isReached) break
      places++
      expect([...taken].sort(), `${at}`).toEqual([0, 1])
      expect(words(), `${at}`).toEqual([2, 1, 1, 0])
      b.leave()
      expect(words(), `${at}`).toEqual([1, 1, 0, 0])
    }
    expect(places).toBe(10)
  })

  test('of two that want the last place one gets it, and the other leaves nothing behind', () => {
    for (let at = 0; at < MOST; at++) {
      const {
        counts: [a, b],
        words,
      } = twoThreads()
      const taken: number[] = []
      const isReached = interposeAt(
        at,
        () => taken.push(b.enter(1)),
        () => taken.push(a.enter(1)),
      )
      if (!isReached) break
      expect([...taken].sort(), `${at}`).toEqual([NO_PLACE, 0])
      const [count, ofA, ofB, busy] = words()
      expect([count, ofA + ofB, busy], `${at}`).toEqual([1, 1, 0])
    }
  })

  test('while a thread is at it, its mark says so', () => {
    for (const [places, work] of [
      [16, (count: ServiceCount) => void count.enter(LIMIT)],
      [14, (count: ServiceCount) => count.leave()],
    ] as const) {
      const busy: boolean[] = []
      for (let at = 0; at < MOST; at++) {
        const {
          counts: [a],
          markOf,
        } = twoThreads()
        a.enter(LIMIT)
        if (
          !interposeAt(
            at,
            () => busy.push((markOf() & MARK_BUSY) !== 0),
            () => work(a),
          )
        )
          break
      }
      expect(busy.length).toBeLessThanOrEqual(places)
      // From behind the first operation on the mark to before the last.
      expect(busy.filter(Boolean).length).toBeGreaterThanOrEqual(6)
      expect([busy[0], busy.at(-1)]).toEqual([false, false])
    }
  })
})

test('requests that wait are counted beside those in flight', () => {
  const {
    counts: [inFlight],
    waiting,
    words,
    waitingWords,
  } = twoThreads()
  expect([waiting.enter(1), waiting.enter(1)]).toEqual([0, NO_PLACE])
  inFlight.enter(LIMIT)
  expect([waiting.value, inFlight.value, waitingWords(), words()[1]]).toEqual([1, 1, [1, 1], 1])
  waiting.leave()
  expect([waiting.value, inFlight.value, waitingWords(), words()[1]]).toEqual([0, 1, [0, 0], 1])
})
