/** The longest wait of a Node timer: 24 days. */
const LONGEST_WAIT_MS = 0x7fffffff
/** Between two checks, in ms: ends of requests, in other threads above all, are not told. */
const CHECK_MS = 10

/** Resolves when nothing is in flight any more, or after `drainMs`. Keeps the process alive: it is waiting for this. */
export function drained(inFlight: () => number, drainMs: number): Promise<void> {
  if (drainMs === 0 || inFlight() === 0) return Promise.resolve()
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      clearInterval(checks)
      resolve()
    }
    const timer = setTimeout(done, Math.min(drainMs, LONGEST_WAIT_MS))
    const checks = setInterval(() => {
      if (inFlight() === 0) done()
    }, CHECK_MS)
  })
}
