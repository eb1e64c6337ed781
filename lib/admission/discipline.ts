/** How long a request may wait in the admission queue. */

/** A queue that has not been empty for this long is standing: it makes every request wait and serves none sooner. ms, and answers */
const STANDING_MS = 100
const STANDING_ANSWERS = 10
/** What a request may wait in a standing queue: ms, and answers. */
const SHORT_MS = 5
const SHORT_ANSWERS = 0.5
/** Nobody waits for longer. ms */
const LONGEST_MS = 86_400_000

export type Discipline = 'codel' | 'fifo'

export interface Wait {
  /** `queue.discipline` */
  readonly discipline: Discipline
  /** `queue.deadlineMs` */
  readonly longestMs: number
  /** For how long the queue has not been empty, but for moments, ms: see `AdmissionQueue.busyMs`. */
  readonly busyMs: number
  /** Until the request's own deadline, ms; undefined: it has none, or none that can be read. */
  readonly leftMs: number | undefined
  /** Whether callers of the service give up, or come with deadlines: see `Impatience`. */
  readonly isImpatient: boolean
  /** What an answer takes with few requests in flight, and now, ms; 0: unknown. */
  readonly baseMs: number
  readonly meanMs: number
}

/** A queue that has not been empty for longer is standing; it is no more when it has been empty for as long. ms */
export const standingAfterMs = (baseMs: number): number => Math.max(STANDING_MS, STANDING_ANSWERS * baseMs)

/** A longer wait than a standing queue allows is a long one; ms. */
export const shortWait = (baseMs: number): number => Math.max(SHORT_MS, SHORT_ANSWERS * baseMs)

/**
 * The longest useful wait of a request that joins the queue now, ms; not above 0 where it is hopeless. A place that it gets when
 * its deadline cannot be met any more is no use to it.
 *
 * With `codel` the wait is short while the queue is standing and callers give up: Facebook's form of CoDel (Maurer, "Fail at Scale", ACM Queue 2015),
 * which bounds it when a request comes, at 5 ms after 100 ms. Where answers take long both grow with them: else the queue is
 * empty for a moment again and again, and all may wait in vain once more (docs/decisions/0019-concurrency-limit.md).
 */
export function longestWait(wait: Wait): number {
  const { discipline, longestMs, busyMs, leftMs, baseMs, meanMs, isImpatient } = wait
  const useful = Math.min(LONGEST_MS, leftMs === undefined ? longestMs : leftMs - meanMs)
  if (discipline === 'fifo' || !isImpatient || busyMs <= standingAfterMs(baseMs)) return useful
  return Math.min(useful, shortWait(baseMs))
}
