import { parseArgs } from 'node:util'

export interface Arguments {
  readonly help: boolean
  readonly quick: boolean
  /** Names of the suites to run, in the order given; empty: all. */
  readonly only: readonly string[]
  /** File to write the results to. */
  readonly json: string | undefined
}

/** Something that the user typed is not right; the message says what would be. */
export class UsageError extends Error {}

/** Throws `UsageError` on an unknown option or suite. */
export function parseArguments(argv: readonly string[], suites: readonly string[]): Arguments {
  const { help, quick, only, json } = parse(argv)
  const names = only.flatMap((list) => list.split(',')).map((name) => name.trim())
  const unknown = names.filter((name) => !suites.includes(name))
  if (unknown.length > 0) {
    const quoted = unknown.map((name) => `"${name}"`).join(', ')
    throw new UsageError(`--only: there is no suite ${quoted}; the suites are ${suites.join(', ')}`)
  }
  if (json === '') throw new UsageError('--json takes the name of a file')
  return { help, quick, only: [...new Set(names)], json }
}

function parse(argv: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        quick: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        json: { type: 'string' },
      },
    })
    return values
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
