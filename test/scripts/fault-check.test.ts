/** `npm run test:faults -- --check`: what docs/faults.md says, and which rows then fail. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkAgainst, knownOf } from '../fault-table/parent/known.js'
import type { Result } from '../fault-table/parent/schedule.js'
import { tableOf } from '../fault-table/parent/table.js'
import { ROWS } from '../fault-table/rows/index.js'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/faults.md'), 'utf8')
const [refused] = ROWS

const result = (engine: 'native' | 'fallback', holds: boolean, row = refused): Result => ({
  row,
  engine,
  figures: undefined,
  faults: holds ? [] : ['a GET failed'],
  starved: false,
})
const others = (checked: ReturnType<typeof checkAgainst>) =>
  Object.entries(checked).flatMap(([name, list]) => (list.length > 0 ? [name] : []))

test('every row of the page is found, and those that do not hold are', () => {
  const known = knownOf(PAGE)
  const printed = PAGE.split('\n').filter((line) => /\| (native|fallback) \|/.test(line))
  expect(known.size).toBe(printed.length)
  expect(known.size).toBeGreaterThanOrEqual(ROWS.length)
  const broken = printed.filter((line) => line.includes('| **no** |')).length
  expect([...known.values()].filter((holds) => !holds)).toHaveLength(broken)
})

test('a page without its table is refused', () => {
  expect(() => knownOf(PAGE.replaceAll('|', ' '))).toThrow('no table')
})

describe('a row', () => {
  test.each([
    ['holds, as known', true, true, ['passed']],
    ['does not hold, though known to', true, false, ['failed']],
    ['does not hold, as known', false, false, ['asKnown']],
    ['holds, though known not to', false, true, ['passed', 'better']],
  ])('that %s', (_what, before, now, lists) => {
    const known = knownOf(tableOf([result('native', before)]))
    expect(others(checkAgainst(known, [result('native', now)]))).toEqual(lists)
  })

  test('of which the page knows the other engine only is judged by that', () => {
    const known = knownOf(tableOf([result('native', false)]))
    expect(others(checkAgainst(known, [result('fallback', false)]))).toEqual(['asKnown'])
  })

  test('that is new must hold', () => {
    const known = knownOf(tableOf([result('native', false)]))
    const other = { ...refused, name: 'another fault' }
    expect(others(checkAgainst(known, [result('native', false, other)]))).toEqual(['failed'])
  })
})
