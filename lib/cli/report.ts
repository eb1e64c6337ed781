/** How the command line ends, and what it says when it ends badly. */
import { inspect } from 'node:util'
import { FairleadError } from '../errors.js'

export const EXIT = {
  OK: 0,
  FAILED: 1,
  /** The command line itself is wrong. */
  USAGE: 2,
  /** 128 + the signal's number, as shells have it. */
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const

/** The message of an error, for stderr; with FAIRLEAD_DEBUG=1 everything that is known of it. */
export function explain(error: unknown): string {
  if (process.env['FAIRLEAD_DEBUG'] === '1') return `fairlead: ${inspect(error)}\n`
  if (error instanceof FairleadError) return `fairlead: ${error.message}\n`
  const text = error instanceof Error ? error.message : String(error)
  return `fairlead: ${text.split('\n', 1)[0]} (unexpected; FAIRLEAD_DEBUG=1 shows where it came from)\n`
}

export const isBrokenPipe = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === 'EPIPE'
