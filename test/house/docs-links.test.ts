/** What the documentation points to exists: pages, headings, and files of this repository. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
]

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8')

/** GitHub's name of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')

const anchorsOf = (page: string): string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => anchorOf(heading.trim()))

/** Relative links whose page or heading does not exist. */
function brokenLinks(page: string): string[] {
  const links = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link)
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false
    const [path, anchor] = link.split('#')
    const target = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), path))
    if (!existsSync(join(ROOT, target))) return true
    return anchor !== undefined && !anchorsOf(target).includes(anchor)
  })
}

/** Files and folders of the sources that a page names in backticks, and that do not exist. */
function missingFiles(page: string): string[] {
  const named = [
    ...read(page).matchAll(/`((?:lib|src|binding|test|bench|scripts|cmake|examples)\/[\w./-]*)`/g),
  ]
  return named.map(([, file]) => file).filter((file) => !existsSync(join(ROOT, file)))
}

describe.each(PAGES)('%s', (page) => {
  it('has links to pages and headings that exist', () => {
    expect(brokenLinks(page)).toEqual([])
  })

  it('names files that exist', () => {
    expect(missingFiles(page)).toEqual([])
  })
})
