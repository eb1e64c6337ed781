/**
 * The system's monotonic clock in ms since an origin that all threads of the machine share (`CLOCK_MONOTONIC` on Linux).
 * `performance.now()` is the cheapest clock of JavaScript but starts at zero in each thread; one reading of
 * `process.hrtime()` beside it gives the difference.
 */
const [seconds, nanoseconds] = process.hrtime()
const ORIGIN_MS = seconds * 1e3 + nanoseconds / 1e6 - performance.now()

export const monotonicNow = (): number => performance.now() + ORIGIN_MS
