import { afterEach, expect, test, vi } from 'vitest'
import { bySpecificity, matcher } from '../../lib/configuration/rules/pattern.js'
import { seeded } from '../support/seeded.mjs'

afterEach(() => {
  vi.restoreAllMocks()
})

test.each([
  ['users', 'users', true],
  ['users', 'users-v2', false],
  ['*', '', true],
  ['*', 'anything:8080', true],
  ['users-*', 'users-', true],
  ['users-*', 'users', false],
  ['users-*', 'my-users-1', false],
  ['*.internal', 'a.b.internal', true],
  ['*.internal', 'internal', false],
  ['a*a', 'a', false],
  ['a*a', 'aa', true],
  ['ab*ba', 'aba', false],
  ['ab*ba', 'abba', true],
  ['a*b*c', 'a-b-b-c', true],
  ['a*bc*c', 'abc', false],
  ['a*bc*c', 'abcc', true],
  ['*ab*', 'xaby', true],
  ['a.c', 'abc', false],
  ['a*c', 'a\nc', true],
])('%s on %s: %s', (pattern, text, matches) => {
  expect(matcher(pattern)(text)).toBe(matches)
})

/** What `*` means, straight from its definition; exponential, so for short texts only. */
function defined(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  if (pattern[0] !== '*')
    return text !== '' && text[0] === pattern[0] && defined(pattern.slice(1), text.slice(1))
  return defined(pattern.slice(1), text) || (text !== '' && defined(pattern, text.slice(1)))
}

test('agrees with the definition on random patterns and texts', () => {
  const random = seeded(1)
  const word = (letters: string, length: number) =>
    Array.from({ length }, () => letters[random(letters.length)]).join('')
  let matched = 0
  for (let i = 0; i < 20_000; i++) {
    const pattern = word('ab*', random(7))
    const text = word('ab', random(9))
    const right = defined(pattern, text)
    if (right) matched++
    expect([pattern, text, matcher(pattern)(text)]).toEqual([pattern, text, right])
  }
  expect(matched).toBeGreaterThan(1_000)
})

test('looks for each part once: no backtracking, whatever the text', () => {
  const matches = matcher('*a*a*a*a*b')
  const text = `${'a'.repeat(100_000)}c`
  const searches = vi.spyOn(String.prototype, 'indexOf')
  expect(matches(text)).toBe(false)
  expect(matches(`${text}b`)).toBe(true)
  expect(searches.mock.calls.length).toBeLessThanOrEqual(2 * 4)
  // Each search goes on where the last one ended.
  const starts = searches.mock.calls.map(([, from]) => from)
  expect(starts).toEqual([...starts].sort((a, b) => (a ?? 0) - (b ?? 0)))
})

test('more specific patterns come first', () => {
  const right = ['users', 'users-eu', 'users-*', '*users', '*.io', 'us*s', 'use*', 'a*', 'b*', '*a*', '*']
  const random = seeded(2)
  for (let i = 0; i < 50; i++) {
    expect(shuffled(right, random).sort(bySpecificity)).toEqual(right)
  }
})

function shuffled<T>(items: readonly T[], random: (n: number) => number): T[] {
  const result = [...items]
  for (let i = result.length - 1; i > 0; i--) {
    const j = random(i + 1)
    ;[result[i], result[j]] = [result[j], result[i]]
  }
  return result
}
