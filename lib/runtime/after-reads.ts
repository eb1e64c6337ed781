/**
 * Runs `fn` once the sockets were read that are readable now. Timers run before that: where the event loop was held, what
 * a time-out misses may be there. Two rounds, since encrypted bytes take one more.
 */
export function afterReads(fn: () => void): void {
  setImmediate(() => setImmediate(fn))
}
