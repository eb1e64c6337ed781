import type { Timers } from '../runtime/timers.js'

const FIRST_RETRY_MS = 500
export const MAX_RETRY_MS = 30_000
/** A server may ask to be left alone for longer than this; it is not obeyed any further. */
const MAX_RETRY_AFTER_MS = 300_000
const MS_PER_SECOND = 1_000

/** A failure of a server that says when it wants to be asked again. */
export class AskedToWaitError extends Error {
  override readonly name = 'AskedToWaitError'
  readonly waitMs: number

  /** @param waitMs it is not obeyed for more than five minutes */
  constructor(message: string, waitMs: number, options?: ErrorOptions) {
    super(message, options)
    this.waitMs = Math.min(waitMs, MAX_RETRY_AFTER_MS)
  }
}

/**
 * The wait after so many failures in a row, ms: doubled from one to the next, half of it by chance, so that a server that comes
 * back is not met by all at once. At least as long as the server has asked for.
 */
export function backoffMs(failures: number, error: unknown, timers: Timers): number {
  const most = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1))
  const waitMs = (most / 2) * (1 + timers.random())
  return error instanceof AskedToWaitError ? Math.max(waitMs, error.waitMs) : waitMs
}

/** An error for an answer of 429 or 503, which may have a `Retry-After`; for others as well, where it is ignored. */
export function refusalError(message: string, statusCode: number, retryAfter: unknown): Error {
  const waitMs = statusCode === 429 || statusCode === 503 ? retryAfterMs(retryAfter) : 0
  return waitMs > 0 ? new AskedToWaitError(message, waitMs) : new Error(message)
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3); 0 where there is none, or none that is right. */
function retryAfterMs(header: unknown): number {
  if (typeof header !== 'string') return 0
  const text = header.trim()
  const ms = /^\d+$/.test(text) ? Number(text) * MS_PER_SECOND : Date.parse(text) - Date.now()
  return ms > 0 ? ms : 0
}
