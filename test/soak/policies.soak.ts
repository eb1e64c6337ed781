/** The figures of theory with millions of requests, and at loads that need a thousand endpoints. */
import { describe, expect, it } from 'vitest'
import { meanOf } from '../support/queueing.js'
import { AT_NINE_TENTHS, expectRow, powerOfTwoChoices, queue } from '../support/queueing-theory.js'

const REQUESTS = 4_000_000

describe('10 FIFO endpoints at a load of 0.9', () => {
  it.each(AT_NINE_TENTHS)('$policy $options has mean $mean and p99 $p99', (row) => {
    expectRow(row, REQUESTS, 1)
  })
})

describe('the power of two choices', () => {
  it.each([
    [100, 0.5, 0.03],
    [100, 0.9, 0.03],
    [1_000, 0.95, 0.03],
    [1_000, 0.99, 0.05],
  ])('%d endpoints at a load of %d, within %d', (endpoints, load, tolerance) => {
    // Queues at a load of 0.99 take a hundred times as long to settle.
    const requests = load === 0.99 ? 5 * REQUESTS : REQUESTS
    const { latencies } = queue('least-request', {}, endpoints, load, requests, 1)
    expect(Math.abs(meanOf(latencies) / powerOfTwoChoices(load).mean - 1)).toBeLessThan(tolerance)
  })
})
