/**
 * An endpoint may close an idle connection at any time, and it may do so just as a request is written to it. That is no
 * failure of the endpoint. It looks like this: the connection has carried an answer before, not a byte came after the
 * request was written, and it ended within a moment.
 */

const IDLE_CLOSE = Symbol('fairlead.idleClose')

/**
 * A connection that lived longer than this after a request was sent on its way ended for another reason: some round trips,
 * of which connecting took one or a few, ms.
 */
export const raceMs = (connectMs: number): number => Math.min(1_000, 2 * connectMs + 20)

/** An error of a connection that is not undici's says so of itself. */
export function markIdleClose(error: Error): Error {
  return Object.defineProperty(error, IDLE_CLOSE, { value: true })
}

export const isMarkedIdleClose = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && IDLE_CLOSE in error
