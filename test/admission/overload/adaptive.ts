import { rollWindow } from '../../../lib/admission/concurrency-limit.js'
import {
  type ConcurrencyState,
  initialState,
  noteAbort,
  noteAnswer,
  noteSent,
} from '../../../lib/admission/concurrency-state.js'
import type { Limiter } from './shape.js'

const MAX = 1_024

/** fairlead's limiter, as the model asks for it. */
export class Adaptive implements Limiter {
  readonly state: ConcurrencyState = initialState(0, MAX)

  get limit(): number {
    return this.state.limit
  }

  get baseMs(): number {
    return this.state.baseMs
  }

  sent(now: number, inFlight: number, isKnown: boolean): number {
    if (isKnown) this.state.impatientAt = now
    return noteSent(this.state, now, inFlight) ? 1 : 0
  }

  answered(now: number, latencyMs: number, inFlight: number, mark: number): void {
    if (noteAnswer(this.state, now, latencyMs, inFlight, mark === 1))
      rollWindow(this.state, now, inFlight, MAX)
  }

  aborted(now: number, ageMs: number, inFlight: number): void {
    if (noteAbort(this.state, now, ageMs, inFlight)) rollWindow(this.state, now, inFlight, MAX)
  }

  full(): void {}
}
