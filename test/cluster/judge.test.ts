import { describe, expect, test } from 'vitest'
import { parseOptions } from './arguments.js'
import { faultsOf, figuresOf } from './judge.js'
import type { CallerReport, RequestRecord } from './processes.js'
import { SCENARIOS } from './scenarios/index.js'
import { lineOf, tableOf } from './table.js'

const report = (records: readonly RequestRecord[], leastKnown = 3): CallerReport => ({
  records,
  leastKnown,
  endpointChanges: [],
  sourceChanges: [],
  lateMs: 0,
})
const good = { sentAt: 1_000, endAt: 1_020, status: 200 }

describe('what a caller has seen', () => {
  test('holds where every request was answered, errors of 400 and more included', () => {
    const seen = report([good, { sentAt: 1_500, endAt: 1_900, status: 404 }])
    expect(faultsOf(seen, {})).toEqual([])
    expect(figuresOf(seen)).toEqual({ requests: 2, failed: 0, slowestMs: 400 })
  })

  test.each([
    [{ endAt: 2_600, error: 'FAIRLEAD_NO_ENDPOINT' }, 'FAIRLEAD_NO_ENDPOINT (100 ms)'],
    [{ endAt: 2_700, status: 503 }, '503 (200 ms)'],
    [{}, 'no answer (not ended)'],
    [{ endAt: 17_501, status: 200 }, '200 (15001 ms)'],
  ])('does not hold where one failed: %o', (how, words) => {
    const seen = report([good, { sentAt: 2_500, ...how }])
    expect(faultsOf(seen, {})).toEqual([`a request 1.50 s after the first one failed: ${words}`])
    expect(figuresOf(seen)).toEqual({ requests: 2, failed: 1, slowestMs: 20 })
  })

  test('says of many only how many', () => {
    const seen = report(Array.from({ length: 100 }, () => ({ ...good, status: 500 })))
    expect(faultsOf(seen, {})).toHaveLength(6)
    expect(faultsOf(seen, {}).at(-1)).toBe('and 95 more failed')
  })

  test('does not hold where it knew too few endpoints', () => {
    expect(faultsOf(report([good], 2), { leastKnown: 2 })).toEqual([])
    expect(faultsOf(report([good], 2), {})).toEqual([
      'the caller knew only 2 endpoints at a time; 3 is the least that it may',
    ])
  })
})

test('a run is told in lines and in a table', () => {
  const [scenario] = SCENARIOS
  const measures = [{ what: 'noticed', ms: 1_234 }]
  const played = { scenario, requests: 9, failed: 1, slowestMs: 50, measures, faults: ['why'], tookMs: 9_000 }
  expect(lineOf(played)).toBe(
    `FAIL  ${scenario.name}: 9 requests, 1 failed, noticed: 1.23 s (9.00 s)\n      why`,
  )
  expect(tableOf([{ ...played, faults: [] }]).split('\n')[2]).toBe(
    `| ${scenario.name} | 9 | 1 | 0.05 s | noticed: 1.23 s | yes |`,
  )
})

describe('options', () => {
  test('choose scenarios by name and length', () => {
    expect(parseOptions([]).scenarios).toEqual(SCENARIOS)
    expect(parseOptions(['--only', 'leader killed']).scenarios.map(({ name }) => name)).toEqual([
      'leader killed',
    ])
    expect(parseOptions(['--short']).scenarios.map(({ name }) => name)).toEqual([
      'leader killed',
      'quorum lost',
      'node killed',
      'rolling restart',
    ])
  })

  test('that name nothing are refused', () => {
    expect(() => parseOptions(['--only', 'nothing'])).toThrow(
      /no scenario is called "nothing"; there are: follower killed, /,
    )
    expect(() => parseOptions(['--shot'])).toThrow(/--shot/)
  })
})
