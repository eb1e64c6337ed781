/** docs/concurrency and the comments of the sources name the same operations, and the pages name every word of shared memory. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  CONCURRENCY,
  CONNECTION_CONTRIBUTION,
  CONTRIBUTION,
  CONTROL_BUCKET,
  HEADER,
  SERVICE,
  SLOT,
  THREAD,
  TICKET,
} from '../../lib/engine/layout.js'
import { HOLDER, LANE, QUEUE_HEADER, WAITER } from '../../lib/queue/layout.js'

const ROOT = join(import.meta.dirname, '../..')

/** A letter for the topic and a number, as in docs/concurrency/README.md. `A27` and above are proposals of gRPC's. */
const CODE = /\b(?:[CSTKLHQWERN]\d{1,2}|A(?:[1-9]|1[0-9]))\b/g
const RANGE = /\b([ACSTKLHQWERN])(\d{1,2}) to \1(\d{1,2})\b/g
const ROW = /^\| ([A-Z]\d{1,2}) \|/gm
/** Line comments that follow each other are one. */
const COMMENT = /\/\*[\s\S]*?\*\/|\/\/[^\n]*(?:\n\s*\/\/[^\n]*)*/g

const filesBelow = (folder: string, ends: RegExp): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => ends.test(file))
    .map((file) => join(folder, file))

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8')

const pages = filesBelow('docs/concurrency', /\.md$/).map(read)

/** `Q1 to Q4` names four. */
function codesIn(text: string): string[] {
  const codes = [...text.matchAll(CODE)].map(([code]) => code)
  for (const [, letter, first, last] of text.matchAll(RANGE))
    for (let number = Number(first); number <= Number(last); number++) codes.push(`${letter}${number}`)
  return codes
}

const comments = [...filesBelow('lib', /\.ts$/), ...filesBelow('src', /\.[ch]pp$/)].flatMap((file) =>
  [...read(file).matchAll(COMMENT)].map(([text]) => ({ file, text, codes: codesIn(text) })),
)

const inComments = new Set(comments.flatMap(({ codes }) => codes))
/** Those in the middle of a range have no place of their own there. */
const atPlaces = new Set(comments.flatMap(({ text }) => text.match(CODE) ?? []))
const rows = pages.flatMap((page) => [...page.matchAll(ROW)].map(([, code]) => code))

describe('codes of atomic operations', () => {
  it('each that a comment names has a row in docs/concurrency', () => {
    expect([...inComments].filter((code) => !rows.includes(code))).toEqual([])
  })

  it('each that a page names has a row', () => {
    expect([...new Set(pages.flatMap(codesIn))].filter((code) => !rows.includes(code))).toEqual([])
  })

  it('each has one row', () => {
    expect(rows.filter((code, i) => rows.indexOf(code) !== i)).toEqual([])
  })

  it('each with a row stands at an operation in lib or src', () => {
    expect(rows.length).toBeGreaterThan(50)
    expect(rows.filter((code) => !atPlaces.has(code))).toEqual([])
  })

  it('a comment says what the operation gives, not its code alone', () => {
    const bare = comments.filter(({ text, codes }) => {
      if (codes.length === 0) return false
      const words = text.replace(CODE, '').match(/[A-Za-z]{2,}/g) ?? []
      return words.length < 2
    })
    expect(bare.map(({ file, text }) => `${file}: ${text}`)).toEqual([])
  })
})

/** What the first cells of a page's tables name: `SLOT.OPEN`, and `LANE.BLOCK`, `WRAPS` with the prefix of the first. */
function wordsIn(page: string): string[] {
  const words: string[] = []
  for (const [, cell] of page.matchAll(/^\| (`[A-Z_]+\.[A-Z_]+`[^|]*)\|/gm)) {
    let prefix = ''
    for (const [, own, name] of cell.matchAll(/`(?:([A-Z_]+)\.)?([A-Z_]+)`/g)) {
      prefix = own ?? prefix
      words.push(`${prefix}.${name}`)
    }
  }
  return words
}

const named = (layout: Readonly<Record<string, Readonly<Record<string, number>>>>): string[] =>
  Object.entries(layout).flatMap(([prefix, words]) =>
    Object.keys(words)
      .filter((word) => word !== 'WORDS')
      .map((word) => `${prefix}.${word}`),
  )

describe('words of shared memory', () => {
  it.each([
    // Those of a balancer stand on the page that tells of them, each on one.
    [
      ['counters.md', 'admission.md', 'limits.md', 'connections.md'],
      {
        ...{ HEADER, THREAD, SERVICE, SLOT, CONTRIBUTION, CONNECTION_CONTRIBUTION },
        ...{ TICKET, CONCURRENCY, CONTROL_BUCKET },
      },
    ],
    [['queues.md'], { HEADER: QUEUE_HEADER, LANE, WAITER, HOLDER }],
  ])('%s say who writes each, and name no other', (pages, layout) => {
    const words = pages.flatMap((page) => wordsIn(read(`docs/concurrency/${page}`)))
    expect(words.sort()).toEqual(named(layout).sort())
  })
})
