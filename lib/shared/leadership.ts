import { HEADER } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { isLivingToken } from '../engine/threads.js'
import type { Timers } from '../runtime/timers.js'

/** A leader that has given no sign for this long, in ms, is replaced, as one whose end nobody has heard of. */
const LOST_AFTER_MS = 5_000

/**
 * Which thread runs the control loops. LEADER bears the token of one use of a thread record, so that of several threads
 * that would lead one does, and a thread that comes back late finds itself replaced: it asks `holds` before each write,
 * and steps down. (H1 to H3)
 */
export class Leadership {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #onChange: () => void
  readonly #beat: Float64Array
  #held = false

  /** `onChange` is called when this thread has begun or ceased to lead. */
  constructor(state: SharedState, timers: Timers, onChange: () => void) {
    this.#state = state
    this.#timers = timers
    this.#onChange = onChange
    this.#beat = new Float64Array(state.root.buffer, HEADER.LEADER_BEAT * Int32Array.BYTES_PER_ELEMENT, 1)
  }

  /** Whether this thread leads at this moment. */
  get holds(): boolean {
    // (H1) One that was replaced finds out.
    return Atomics.load(this.#state.root, HEADER.LEADER) === this.#state.token
  }

  /** Takes the lead where nobody has it, or where its holder has ended or is lost; a sign of life where this thread has it. */
  takeOverIfVacant(): void {
    const { root, token } = this.#state
    const leader = Atomics.load(root, HEADER.LEADER) // (H1) who leads now?
    const now = this.#timers.now()
    if (leader !== token && (!isLivingToken(root, leader) || now - this.#beat[0] > LOST_AFTER_MS)) {
      // First, so that nobody finds a new leader with the sign of life of the old one.
      this.#beat[0] = now
      Atomics.compareExchange(root, HEADER.LEADER, leader, token) // (H2) of several that would lead, one does
    }
    const { holds } = this
    if (holds) this.#beat[0] = now
    if (holds === this.#held) return
    this.#held = holds
    this.#onChange()
  }

  /** Lets another thread lead; true where this one did. */
  resign(): boolean {
    this.#held = false
    const { root, token } = this.#state
    return Atomics.compareExchange(root, HEADER.LEADER, token, 0) === token // (H3) only from this thread
  }
}
