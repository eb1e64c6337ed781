/** How long a request may wait in the admission queue. */

/** A queue that has not been empty for this long is standing: it makes every request wait and serves none sooner. ms */
const STANDING_AFTER_MS = 100
/** What a request may wait in a standing queue, ms. */
const STANDING_WAIT_MS = 5

/** Nobody waits for longer. ms */
const LONGEST_MS = 86_400_000

export type Discipline = 'codel' | 'fifo'

export interface Wait {
  /** `queue.discipline` */
  readonly discipline: Discipline
  /** `queue.deadlineMs` */
  readonly longestMs: number
  /** For how long somebody has been waiting, ms. */
  readonly busyMs: number
  /** Until the request's own deadline, ms; undefined: it has none, or none that can be read. */
  readonly leftMs: number | undefined
  /** What an answer takes, ms; 0: unknown. */
  readonly answerMs: number
}

/**
 * The longest useful wait of a request that joins the queue now, ms; not above 0 where it is hopeless. With `codel` at most 5 ms while
 * the queue has not been empty for 100 ms: Facebook's form of CoDel (Maurer, "Fail at Scale", ACM Queue 2015), which bounds the
 * wait when a request comes. A place that it gets when its deadline cannot be met any more is no use to it.
 */
export function longestWait({ discipline, longestMs, busyMs, leftMs, answerMs }: Wait): number {
  const useful = Math.min(LONGEST_MS, leftMs === undefined ? longestMs : leftMs - answerMs)
  return discipline === 'codel' && busyMs > STANDING_AFTER_MS ? Math.min(useful, STANDING_WAIT_MS) : useful
}
