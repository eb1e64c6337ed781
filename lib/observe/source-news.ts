import type { SourceChange } from './events.js'

/** How a source is: what the thread that asks it tells the others. Times are of the clock that all threads share, ms. */
export interface SourceState {
  /** When it answered last, well or as before; undefined: not yet. */
  readonly answeredAt: number | undefined
  /** What went wrong since. */
  readonly error: string | undefined
  /** Until when an answer is held back; Infinity: one without endpoints. */
  readonly heldUntil: number | undefined
}

/** Of one source of one service. */
export interface SourceNews {
  /** Index of the service's record. */
  readonly service: number
  /** Names the source among those of the service. */
  readonly key: string
  readonly state: SourceState
  /** What happened, where something did. */
  readonly event?: { readonly type: SourceChange; readonly source: string; readonly reason: string }
}

export const UNKNOWN_STATE: SourceState = Object.freeze({
  answeredAt: undefined,
  error: undefined,
  heldUntil: undefined,
})
