/** Each test file is in one suite, and each name in scripts/suites.mjs means one file. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LONG, longPatterns } from '../../scripts/suites.mjs'

const TEST = join(import.meta.dirname, '..')
const files = readdirSync(TEST, { recursive: true, encoding: 'utf8' })
  .map((path) => `test/${path.replaceAll('\\', '/')}`)
  .filter((path) => /\.(test|soak)\.[cm]?[jt]sx?$/.test(path))

const ends = Object.values(LONG).flat()

test.each(ends)('%s names one file', (end) => {
  expect(files.filter((path) => path.endsWith(`/${end}`))).toHaveLength(1)
})

test('no file is long twice', () => {
  expect(new Set(ends).size).toBe(ends.length)
  expect(longPatterns).toHaveLength(ends.length)
})

test('no file has a name that no suite looks for', () => {
  expect(files.filter((path) => !/\.test\.ts$|\/soak\/.*\.soak\.ts$/.test(path))).toEqual([])
})
