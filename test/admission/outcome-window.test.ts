/** What admission control counts: over time, over threads, and where a thread ends or is late in the middle. */
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { OutcomeWindow } from '../../lib/admission/outcome-window.js'
import type { SharedState } from '../../lib/engine/state.js'
import { interposeAt, stopAt } from '../support/atomics.js'
import { manualState } from '../support/state.js'

const WINDOW_MS = 30_000
const PERIOD_MS = 3_000
const BEGIN = 300_000

let state: SharedState
let service: number
/** The window as two threads see it: all that they share are the words. */
let window: OutcomeWindow
let other: OutcomeWindow

beforeEach(() => {
  state = manualState()
  service = state.claims.takeService()
  window = new OutcomeWindow(state, service, WINDOW_MS)
  other = new OutcomeWindow(state, service, WINDOW_MS)
})

const seen = (now: number, by = window) => {
  by.look(now)
  return { ended: by.ended, succeeded: by.succeeded, asked: [...by.asked] }
}
const NOTHING = { ended: 0, succeeded: 0, asked: [0, 0, 0, 0] }

describe('the window', () => {
  test('has what both threads count, tier by tier', () => {
    window.ask(0, BEGIN)
    other.ask(3, BEGIN)
    other.ask(3, BEGIN)
    window.add(1, 1, BEGIN)
    other.add(1, 0, BEGIN)
    const sum = { ended: 2, succeeded: 1, asked: [1, 0, 0, 2] }
    expect(seen(BEGIN)).toEqual(sum)
    expect(seen(BEGIN, other)).toEqual(sum)
  })

  test('loses a tenth at a time', () => {
    for (let period = 0; period < 20; period++) {
      window.add(period + 1, 1, BEGIN + period * PERIOD_MS)
      const first = Math.max(0, period - 9)
      const ended = Array.from({ length: period + 1 - first }, (_, i) => first + i + 1)
      expect(seen(BEGIN + period * PERIOD_MS + 1)).toMatchObject({
        ended: ended.reduce((sum, one) => sum + one),
        succeeded: ended.length,
      })
    }
  })

  test('is empty after a pause of any length', () => {
    for (let ms = 0, now = BEGIN; ms < 2.2 * WINDOW_MS; ms += 500) {
      window.add(5, 5, now)
      window.ask(1, now)
      now += WINDOW_MS + ms
      expect(seen(now)).toEqual(NOTHING)
      now += WINDOW_MS
    }
  })

  test('keeps what is younger than nine tenths of it, and nothing that is older than it', () => {
    const times = fc.array(fc.nat(2 * PERIOD_MS), { minLength: 1, maxLength: 60 })
    fc.assert(
      fc.property(fc.nat(1e9), times, (begin, steps) => {
        const some = manualState()
        const one = new OutcomeWindow(some, some.claims.takeService(), WINDOW_MS)
        const at: number[] = []
        let now = begin
        for (const step of steps) {
          now += step
          at.push(now)
          one.add(1, 1, now)
          one.look(now)
          const within = (ms: number) => at.filter((time) => time > now - ms).length
          if (one.ended < within(WINDOW_MS - PERIOD_MS) || one.ended > within(WINDOW_MS)) return false
        }
        return true
      }),
      { numRuns: 30 },
    )
  })

  test('takes off what was counted too early, in a later period too, and is never below nothing', () => {
    window.add(2, 2, BEGIN)
    window.add(-1, -1, BEGIN + PERIOD_MS)
    expect(seen(BEGIN + PERIOD_MS)).toMatchObject({ ended: 1, succeeded: 1 })
    window.add(0, -1, BEGIN + PERIOD_MS)
    expect(seen(BEGIN + PERIOD_MS)).toMatchObject({ ended: 1, succeeded: 0 })
    expect(seen(BEGIN + WINDOW_MS)).toMatchObject({ ended: 0, succeeded: 0 })
  })

  test('counts requests a second since the oldest of its requests', () => {
    for (let i = 0; i < 20; i++) window.ask(2, BEGIN + 50 * i)
    window.look(BEGIN + 1_000)
    expect(window.rps).toBeCloseTo(20, 5)
    window.look(BEGIN + 6_000)
    expect(window.rps).toBeCloseTo(20 / 6, 5)
  })

  test('begins anew where it becomes longer or shorter, and goes on from there', () => {
    seen(BEGIN)
    window.add(5, 5, BEGIN)
    for (const windowMs of [300_000, 1_000, 3_600_000, WINDOW_MS]) {
      const next = new OutcomeWindow(state, service, windowMs)
      expect(seen(BEGIN, next)).toEqual(NOTHING)
      next.add(2, 1, BEGIN)
      expect(seen(BEGIN, next)).toMatchObject({ ended: 2, succeeded: 1 })
    }
    expect(seen(BEGIN + WINDOW_MS)).toEqual(NOTHING)
  })

  test('where one thread has read the clock a moment before another turned the window, both count', () => {
    window.add(1, 1, BEGIN + PERIOD_MS)
    other.add(1, 1, BEGIN + PERIOD_MS - 1)
    expect(seen(BEGIN + PERIOD_MS)).toMatchObject({ ended: 2, succeeded: 2 })
  })
})

/** Operations of one count, and more. */
const MOST = 200
/** Every bucket has something in it, and the next period is due. */
function filled(): number {
  let now = BEGIN
  for (let period = 0; period < 10; period++, now += PERIOD_MS) window.add(100, 100, now)
  return now
}

describe('whatever a thread has done of it when it ends', () => {
  test('the others see neither more than there was nor what is too old', () => {
    for (let at = 0, stopped = true; stopped; at++) {
      expect(at).toBeLessThan(MOST)
      state = manualState()
      service = state.claims.takeService()
      window = new OutcomeWindow(state, service, WINDOW_MS)
      other = new OutcomeWindow(state, service, WINDOW_MS)
      const now = filled()
      stopped = stopAt(at, () => other.add(1, 0, now))
      // Nine full periods, and the request of the thread that has ended, or not.
      expect([900, 901]).toContain(seen(now).ended)
      expect([0, 1]).toContain(seen(now + WINDOW_MS - PERIOD_MS).ended)
      expect(seen(now + WINDOW_MS)).toEqual(NOTHING)
    }
  })
})

describe('whatever another one does in the middle of it', () => {
  test.each([
    ['as the period ends', 0],
    ['a period later', PERIOD_MS],
  ])('nothing is lost, %s', (_, laterMs) => {
    for (let at = 0, reached = true; reached; at++) {
      expect(at).toBeLessThan(MOST)
      state = manualState()
      service = state.claims.takeService()
      window = new OutcomeWindow(state, service, WINDOW_MS)
      other = new OutcomeWindow(state, service, WINDOW_MS)
      const now = filled()
      let isDone = false
      reached = interposeAt(
        at,
        () => {
          isDone = true
          other.add(10, 10, now)
        },
        () => window.add(1, 1, now),
      )
      if (!isDone) other.add(10, 10, now)
      const full = laterMs === 0 ? 900 : 800
      expect(seen(now + laterMs)).toMatchObject({ ended: full + 11, succeeded: full + 11 })
    }
  })
})
