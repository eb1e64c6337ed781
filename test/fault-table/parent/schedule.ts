import { ENDPOINT_NAMES, type Row } from '../row.js'
import { type Figures, figuresOf } from './figures.js'
import { isStarved, judge } from './judge.js'
import { type Engine, type Observation, runRow } from './run-row.js'

export interface Result {
  readonly row: Row
  readonly engine: Engine
  /** undefined: the row could not be run to its end. */
  readonly figures: Figures | undefined
  /** What does not hold. */
  readonly faults: readonly string[]
  /** The machine had no time for the row: what it shows may be the machine's. */
  readonly starved: boolean
}

interface Job {
  readonly row: Row
  readonly engine: Engine
}

/** No row takes longer, unless something in it waits for ever. */
const ROW_LIMIT_MS = 150_000

/**
 * Runs every row on every engine, some at the same time, the longest first. Results are in the order of the table. Rows
 * that fail on a machine that was too busy for them are run once more, alone, and then count.
 */
export async function runAll(
  rows: readonly Row[],
  engines: readonly Engine[],
  atOnce: number,
  onResult: (result: Result) => void,
): Promise<Result[]> {
  const jobs = rows.flatMap((row) => engines.map((engine) => ({ row, engine })))
  const results: Result[] = []
  const run = async (waiting: number[]): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      results[next] = await runOne(jobs[next])
      onResult(results[next])
    }
  }
  const waiting = jobs.map((_, i) => i).sort((a, b) => jobs[b].row.faultMs - jobs[a].row.faultMs)
  await Promise.all(Array.from({ length: atOnce }, () => run(waiting)))
  await run(jobs.flatMap((_, i) => (results[i].faults.length > 0 && results[i].starved ? [i] : [])))
  return results
}

async function runOne({ row, engine }: Job): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`it has not ended after ${ROW_LIMIT_MS / 1_000} s`)
    timer = setTimeout(() => reject(error), ROW_LIMIT_MS)
  })
  try {
    const seen: Observation = await Promise.race([runRow(row, engine), late])
    const figures = figuresOf(row, seen)
    return { row, engine, figures, faults: judge(row, figures, seen), starved: isStarved(row, figures, seen) }
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    return { row, engine, figures: undefined, faults: [text], starved: true }
  } finally {
    clearTimeout(timer)
  }
}

export const endpointCount = ENDPOINT_NAMES.length
