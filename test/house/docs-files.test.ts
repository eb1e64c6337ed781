/** The files of this repository that the documentation names exist. Its links are test/scripts/links.test.ts's. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
]

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

/** Files and folders of the sources that a page names in backticks, and that do not exist. */
function missingFiles(page: string): string[] {
  const named = [
    ...read(page).matchAll(/`((?:lib|src|binding|test|bench|scripts|cmake|examples)\/[\w./-]*)`/g),
  ]
  return named.map(([, file]) => file).filter((file) => !existsSync(join(ROOT, file)))
}

it.each(PAGES)('%s names files that exist', (page) => {
  expect(missingFiles(page)).toEqual([])
})
