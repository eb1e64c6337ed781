import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Valve } from '../../lib/sources/valve.js'

const HOLD_MS = 30_000

it('lets pass what loses no more than the share', () => {
  const valve = new Valve(0.5, HOLD_MS)
  expect(valve.hold(10, 5, 5, 0)).toBe(0)
  expect(valve.hold(2, 1, 1, 0)).toBe(0)
  expect(valve.hold(0, 0, 7, 0)).toBe(0)
  expect(valve.hold(0, 0, 0, 0)).toBe(0)
})

it('counts those that are missing, not how many there are', () => {
  expect(new Valve(0.5, HOLD_MS).hold(10, 4, 20, 0)).toBe(HOLD_MS)
})

it('holds back what loses more, from the first such answer on, and then lets it pass', () => {
  const valve = new Valve(0.5, HOLD_MS)
  expect(valve.hold(10, 4, 4, 1_000)).toBe(HOLD_MS)
  expect(valve.hold(10, 3, 3, 11_000)).toBe(HOLD_MS - 10_000)
  expect(valve.hold(10, 3, 3, 31_000)).toBe(0)
  // The next one is a new one.
  expect(valve.hold(10, 3, 3, 31_001)).toBe(HOLD_MS)
})

it('begins anew once an answer had them again', () => {
  const valve = new Valve(0.5, HOLD_MS)
  expect(valve.hold(10, 4, 4, 0)).toBe(HOLD_MS)
  expect(valve.hold(10, 10, 10, 29_000)).toBe(0)
  expect(valve.hold(10, 4, 4, 30_000)).toBe(HOLD_MS)
})

it('never lets pass an answer without any', () => {
  const valve = new Valve(1, 0)
  expect(valve.hold(1, 0, 0, 0)).toBe(Number.POSITIVE_INFINITY)
  expect(valve.hold(1, 0, 0, 1e9)).toBe(Number.POSITIVE_INFINITY)
})

it('an answer that stays the same is held for no longer than that', () => {
  const answer = fc.record({
    before: fc.integer({ min: 1, max: 100 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(answer, fc.double({ min: 0, max: 1, noNaN: true }), ({ before, share }, maxDrop) => {
      const kept = Math.floor(share * before)
      const valve = new Valve(maxDrop, HOLD_MS)
      const first = valve.hold(before, kept, Math.max(1, kept), 0)
      expect(first === 0 || first === HOLD_MS).toBe(true)
      expect(first === 0).toBe(before - kept <= maxDrop * before)
      expect(valve.hold(before, kept, Math.max(1, kept), HOLD_MS)).toBe(0)
    }),
    { seed: 1, numRuns: 300 },
  )
})
