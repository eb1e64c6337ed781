import type { Run } from './suite.js'

const CLEAR_LINE = '\r\u001b[2K'
/** Without a terminal a line every few seconds is enough. */
const PLAIN_INTERVAL_MS = 5_000

/** Progress and notes on standard error: standard output belongs to the table. */
export function createProgress(): Pick<Run, 'progress' | 'note'> & { clear(): void } {
  const terminal = process.stderr.isTTY === true
  let last = Number.NEGATIVE_INFINITY
  const clear = (): void => {
    if (terminal) process.stderr.write(CLEAR_LINE)
  }
  return {
    clear,
    progress(line) {
      if (terminal) {
        process.stderr.write(CLEAR_LINE + line.slice(0, (process.stderr.columns ?? 80) - 1))
        return
      }
      const now = performance.now()
      if (now - last < PLAIN_INTERVAL_MS) return
      last = now
      process.stderr.write(`${line}\n`)
    },
    note(line) {
      clear()
      process.stderr.write(`${line}\n`)
    },
  }
}
