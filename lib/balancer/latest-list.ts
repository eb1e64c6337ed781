import type { TimerHandle, Timers } from '../runtime/timers.js'

/** A list of more endpoints is looked at in turns of the event loop of its own. */
export const MANY = 500
/** A turn takes about so long, in ms. */
const TURN_MS = 2
/**
 * Endpoints of a list for each ms that has to pass before the next one is looked at: 50 ms for ten thousand. To look at a
 * list takes a tenth of that.
 */
const ENDPOINTS_PER_MS = 200

/** What looks at a list, and at what its source has left out of it, step by step: 'turn' where what comes next needs a turn of its own. False: it is refused. */
export type Look = (list: readonly unknown[], leftOut: string | undefined) => Steps
type Steps = Generator<'turn' | undefined, boolean>

interface Offered {
  readonly list: readonly unknown[]
  readonly leftOut: string | undefined
}

/**
 * Lists of endpoints, looked at one after the other: a short one at once, a long one in turns between other work. Of long ones
 * that come faster than they can be looked at the newest counts.
 */
export class LatestList {
  readonly #timers: Timers
  readonly #most: number
  readonly #look: Look
  #waiting: Offered | undefined
  /** The look under way, and the list's length. */
  #steps: Steps | undefined
  #length = 0
  #timer: TimerHandle | undefined
  #freeAt = Number.NEGATIVE_INFINITY
  #isRefusedLate = false

  /** @param most items of a list that is worth a turn of its own: `look` refuses what has more */
  constructor(timers: Timers, most: number, look: Look) {
    this.#timers = timers
    this.#most = most
    this.#look = look
  }

  /** Whether there is a list that was not looked at to its end. */
  get isBusy(): boolean {
    return this.#steps !== undefined || this.#waiting !== undefined
  }

  /** Whether the last list was refused after its source was told that it would be looked at. */
  get isRefusedLate(): boolean {
    return this.#isRefusedLate
  }

  /** False where the list is refused at once. */
  offer(list: readonly unknown[], leftOut?: string): boolean {
    const copy = this.#copy(list)
    if (this.#steps === undefined && (copy === undefined || copy.length <= MANY)) {
      this.stop()
      return runAll(this.#look(list, leftOut))
    }
    this.#waiting = { list: copy ?? list, leftOut }
    if (this.#timer === undefined) this.#next()
    return true
  }

  /** Looks at all there is, at once. */
  flush(): void {
    const steps = this.#steps
    const waiting = this.#waiting
    this.stop()
    if (steps !== undefined) this.#isRefusedLate = !runAll(steps)
    if (waiting !== undefined) this.#isRefusedLate = !runAll(this.#look(waiting.list, waiting.leftOut))
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#waiting = undefined
    this.#steps = undefined
    this.#isRefusedLate = false
  }

  #next(): void {
    const waitMs = this.#steps === undefined ? Math.max(0, this.#freeAt - this.#timers.now()) : 0
    this.#timer = this.#timers.after(waitMs, () => this.#turn())
  }

  #turn(): void {
    this.#timer = undefined
    if (this.#steps === undefined && this.#waiting !== undefined) {
      const { list, leftOut } = this.#waiting
      this.#length = list.length
      this.#steps = this.#look(list, leftOut)
      this.#waiting = undefined
    }
    const steps = this.#steps
    if (steps === undefined) return
    const end = this.#timers.now() + TURN_MS
    let step = steps.next()
    while (!step.done && step.value !== 'turn' && this.#timers.now() < end) step = steps.next()
    // What was looked at may have led to the end of it.
    if (this.#steps !== steps) return
    if (step.done) {
      this.#steps = undefined
      this.#isRefusedLate = !step.value
      this.#freeAt = this.#timers.now() + this.#length / ENDPOINTS_PER_MS
    }
    if (this.isBusy) this.#next()
  }

  /** So that a list that its owner goes on with stays as it was. Undefined: it is to be refused at once. */
  #copy(list: readonly unknown[]): readonly unknown[] | undefined {
    try {
      return Array.isArray(list) && list.length <= this.#most ? list.slice() : undefined
    } catch {
      return undefined
    }
  }
}

/** All steps at once. */
export function runAll<Result>(steps: Generator<unknown, Result>): Result {
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}
