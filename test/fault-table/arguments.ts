import { parseArgs } from 'node:util'
import type { Engine } from './parent/run-row.js'
import type { Row } from './row.js'
import { ROWS } from './rows/index.js'

/** On two cores they leave each other room: a row is mostly waiting. */
const AT_ONCE = '4'

export interface RunOptions {
  readonly rows: readonly Row[]
  readonly engines: readonly Engine[]
  readonly atOnce: number
  /** Whether docs/faults.md is written: only after a complete run. */
  readonly write: boolean
  /** Whether the rows are held against docs/faults.md, which stays as it is. */
  readonly check: boolean
}

/** `available`: the engines that can run here. */
export function parseOptions(args: readonly string[], available: readonly Engine[]): RunOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      engine: { type: 'string' },
      'at-once': { type: 'string', default: AT_ONCE },
      'no-write': { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
    },
  })
  const { only, engine, check } = values
  const rows = ROWS.filter(({ name }) => only === undefined || name.includes(only))
  if (rows.length === 0)
    throw new Error(
      `no row is called "${only}"; there are: ${[...new Set(ROWS.map(({ name }) => name))].join(', ')}`,
    )
  const engines = available.filter((kind) => engine === undefined || kind === engine)
  if (engines.length === 0) throw new Error(`--engine takes ${available.join(' or ')} here, not ${engine}`)
  const atOnce = Number(values['at-once'])
  if (!Number.isInteger(atOnce) || atOnce < 1) throw new Error('--at-once takes a whole number from 1')
  const complete = only === undefined && engine === undefined
  return { rows, engines, atOnce, write: complete && !check && !values['no-write'], check }
}
