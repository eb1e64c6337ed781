/** Every link of the pages that are written for people leads somewhere, in a clone and in the package. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { brokenLinks } from '../support/links.js'

const ROOT = join(import.meta.dirname, '../..')
const { homepage, repository, bugs } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const blob = `${repository.url.replace(/^git\+|\.git$/g, '')}/blob/main/`
const options = { folder: ROOT, blob, clone: ROOT }

const pagesBelow = (folder: string, recursive: boolean): string[] =>
  readdirSync(join(ROOT, folder), { recursive, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name).replaceAll('\\', '/'))

const pages = [...pagesBelow('.', false), ...pagesBelow('.github', true), ...pagesBelow('docs', true)]

test.each(pages)('%s', (page) => {
  expect(brokenLinks(page, options)).toEqual([])
})

test('the pages of a clone are found', () => {
  expect(pages).toEqual(
    expect.arrayContaining([
      'README.md',
      'docs/architecture.md',
      'docs/concurrency/README.md',
      'docs/decisions/README.md',
    ]),
  )
})

test('every decision is in the list, and the list has no other', () => {
  const list = readFileSync(join(ROOT, 'docs/decisions/README.md'), 'utf8')
  const listed = [...list.matchAll(/\((\d{4}-[^)]+\.md)\)/g)].map(([, name]) => name)
  const written = readdirSync(join(ROOT, 'docs/decisions')).filter((name) => /^\d{4}-/.test(name))
  expect(listed).toEqual(written.sort())
})

test('package.json names one place for code, faults and the page', () => {
  const place = repository.url.replace(/^git\+|\.git$/g, '')
  expect([homepage.startsWith(place), bugs.url]).toEqual([true, `${place}/issues`])
})

describe('a page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-links-'))
  beforeAll(() => {
    mkdirSync(join(folder, 'docs'))
    writeFileSync(join(folder, 'docs/other.md'), '# The `other` one, in short\n')
    writeFileSync(join(folder, 'picture.svg'), '')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each([
    ['[a](docs/other.md)', []],
    ['[a](docs/other.md#the-other-one-in-short)', []],
    ['[a](docs/other.md#the-other)', ['docs/other.md#the-other']],
    ['![a](picture.svg "title")', []],
    ['![a](missing.svg)', ['missing.svg']],
    ['<img src="missing.png">', ['missing.png']],
    ['[a](docs/missing.md) and [b](docs/other.md)', ['docs/missing.md']],
    ['[a](../above.md)', ['../above.md']],
    ['[a][b]\n\n[b]: docs/missing.md', ['docs/missing.md']],
    ['`[a](missing.md)`\n\n```\n[a](missing.md)\n```\n', []],
    ['# Here\n[a](#here) [b](#there)', ['#there']],
    ['[a](https://example.com/missing)', []],
    [`[a](${blob}package.json) [b](${blob}missing.json)`, [`${blob}missing.json`]],
  ])('%j', (text, broken) => {
    writeFileSync(join(folder, 'page.md'), text)
    expect(brokenLinks('page.md', { ...options, folder })).toEqual(broken)
  })
})
