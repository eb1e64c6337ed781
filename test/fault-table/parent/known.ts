/** What docs/faults.md says of each row, and a run held against it: `npm run test:faults -- --check`. */
import type { Result } from './schedule.js'
import { identity } from './table.js'

/** By fault, protocol, faulty endpoints and engine: whether the row holds. */
export type Known = ReadonlyMap<string, boolean>

export interface Checked {
  /** Rows that hold. */
  readonly passed: readonly Result[]
  /** Rows that do not hold, though the page says that they do, or does not know them. */
  readonly failed: readonly Result[]
  /** Rows that do not hold, as the page says. */
  readonly asKnown: readonly Result[]
  /** Rows that hold, though the page says that they do not: it is to be written anew. */
  readonly better: readonly Result[]
}

const IDENTITY_CELLS = 4

/** The rows of the page's table. Throws where there is none: nothing would be checked. */
export function knownOf(page: string): Known {
  const known = new Map<string, boolean>()
  for (const line of page.split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim())
    const verdict = cells.at(-2)
    if (cells.length < IDENTITY_CELLS + 3 || !['yes', 'apart', '**no**'].includes(verdict ?? '')) continue
    known.set(keyOf(cells.slice(1, IDENTITY_CELLS + 1)), verdict !== '**no**')
  }
  if (known.size === 0) throw new Error('docs/faults.md has no table to check against')
  return known
}

/**
 * A row that the page has only for another engine is taken for what it is there: a page may be written where one engine
 * runs. A row that the page does not have at all must hold.
 */
export function checkAgainst(known: Known, results: readonly Result[]): Checked {
  const checked = { passed: [], failed: [], asKnown: [], better: [] } as Record<keyof Checked, Result[]>
  for (const result of results) {
    const cells = identity(result)
    const shouldHold = known.get(keyOf(cells)) ?? known.get(keyOf(otherEngine(cells))) ?? true
    const holds = result.faults.length === 0
    if (holds) checked.passed.push(result)
    else (shouldHold ? checked.failed : checked.asKnown).push(result)
    if (holds && !shouldHold) checked.better.push(result)
  }
  return checked
}

const keyOf = (cells: readonly string[]): string => cells.join(' | ')

const otherEngine = (cells: readonly string[]): string[] => [
  ...cells.slice(0, -1),
  cells.at(-1) === 'native' ? 'fallback' : 'native',
]
