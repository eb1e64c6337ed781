import { expect, it } from 'vitest'
import { backoffMs, refusalError } from '../../lib/sources/backoff.js'
import { ManualTimers } from '../support/manual-timers.js'

const most = new ManualTimers(0, () => 1)
const waits = (statusCode: number, retryAfter: unknown, failures = 1) =>
  backoffMs(failures, refusalError('no', statusCode, retryAfter), most)

it('waits twice as long from failure to failure, half a minute at last, and half of it by chance', () => {
  const all = [1, 2, 3, 4, 5, 6, 7, 8, 2_000]
  expect(all.map((failures) => backoffMs(failures, new Error('x'), most))).toEqual([
    500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
  ])
  expect(backoffMs(3, new Error('x'), new ManualTimers(0, () => 0))).toBe(1_000)
})

it.each([
  [429, '7', 7_000],
  [503, ' 7 ', 7_000],
  [503, new Date(Date.now() + 60_000).toUTCString(), 60_000],
])('waits for as long as an answer of %i asks, %j', (statusCode, retryAfter, ms) => {
  expect(waits(statusCode, retryAfter)).toBeGreaterThan(ms - 2_000)
  expect(waits(statusCode, retryAfter)).toBeLessThanOrEqual(ms)
})

it('waits for longer where its own wait is longer, and never for more than five minutes', () => {
  expect(waits(429, '7', 7)).toBe(30_000)
  expect(waits(429, '99999999999')).toBe(300_000)
})

it.each([
  [500, '7'],
  [429, '-7'],
  [429, '0'],
  [429, 'soon'],
  [429, ['7', '8']],
  [429, undefined],
  [429, new Date(0).toUTCString()],
])('does not heed %i with %j', (statusCode, retryAfter) => {
  expect(waits(statusCode, retryAfter)).toBe(500)
})
