import { describe, expect, it } from 'vitest'
import {
  connectionEjectionMs,
  decayedEjections,
  nextEjections,
  statusEjectionMs,
} from '../../lib/health/passive/backoff.js'

const first = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1)

describe('length of an ejection', () => {
  it('doubles after connection failures, from base to max', () => {
    expect(first(7).map((n) => connectionEjectionMs(n, 1000, 30_000))).toEqual([
      1000, 2000, 4000, 8000, 16_000, 30_000, 30_000,
    ])
    expect(connectionEjectionMs(5000, 1000, 30_000)).toBe(30_000)
  })

  it('grows by base after 5xx answers, up to max', () => {
    expect(first(3).map((n) => statusEjectionMs(n, 30_000, 300_000))).toEqual([30_000, 60_000, 90_000])
    expect([9, 10, 11, 5000].map((n) => statusEjectionMs(n, 30_000, 300_000))).toEqual([
      270_000, 300_000, 300_000, 300_000,
    ])
  })

  it('is never longer than a max below base', () => {
    expect(connectionEjectionMs(1, 1000, 400)).toBe(400)
    expect(statusEjectionMs(1, 1000, 400)).toBe(400)
  })
})

describe('count of ejections', () => {
  it('falls by one for each whole base interval without a new one', () => {
    expect([0, 999, 1000, 2999, 3000, 60_000].map((quiet) => decayedEjections(3, quiet, 1000))).toEqual([
      3, 3, 2, 1, 0, 0,
    ])
  })

  it('does not grow where the time since the last one is negative', () => {
    expect(decayedEjections(3, -5000, 1000)).toBe(3)
  })

  it('adds the new ejection to what is left', () => {
    expect(nextEjections(0, 0, 1000, 30_000, connectionEjectionMs)).toBe(1)
    expect(nextEjections(3, 500, 1000, 30_000, connectionEjectionMs)).toBe(4)
    expect(nextEjections(3, 2500, 1000, 30_000, connectionEjectionMs)).toBe(2)
    expect(nextEjections(3, 1e9, 1000, 30_000, connectionEjectionMs)).toBe(1)
  })

  it('stops at the count that reaches max, so that a long outage is forgotten as fast as a short one', () => {
    let connections = 0
    let statuses = 0
    for (let i = 0; i < 5000; i++) {
      connections = nextEjections(connections, 0, 1000, 30_000, connectionEjectionMs)
      statuses = nextEjections(statuses, 0, 30_000, 300_000, statusEjectionMs)
    }
    expect([connections, statuses]).toEqual([6, 10])
    expect([
      connectionEjectionMs(connections, 1000, 30_000),
      statusEjectionMs(statuses, 30_000, 300_000),
    ]).toEqual([30_000, 300_000])
  })

  it('stays at one where the first ejection already lasts max', () => {
    expect(nextEjections(1, 0, 1000, 1000, connectionEjectionMs)).toBe(1)
  })
})
