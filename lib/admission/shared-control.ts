import { OUTCOME, type OutcomeCode, SERVICE, TIERS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { AdmissionControlStats } from '../model/index.js'
import { TWO_TO_32 } from '../runtime/bits.js'
import {
  type RejectionOptions,
  rejectionProbability,
  successRate,
  tierProbability,
} from './admission-control.js'
import type { ResolvedAdmissionControl } from './options.js'
import { OutcomeWindow } from './outcome-window.js'

const PER_CENT = 100

/** Admission control of one service: rejects a share of its requests at once while too many of them fail, over all threads. */
export class SharedControl {
  readonly #state: SharedState
  readonly #service: number
  readonly #options: ResolvedAdmissionControl
  readonly #rejection: RejectionOptions
  readonly #window: OutcomeWindow

  constructor(state: SharedState, service: number, options: ResolvedAdmissionControl) {
    this.#state = state
    this.#service = service
    this.#options = options
    this.#rejection = {
      threshold: options.successRateThreshold / PER_CENT,
      most: options.maxRejectionProbability / PER_CENT,
      aggression: options.aggression,
    }
    this.#window = new OutcomeWindow(state, service, options.windowMs)
  }

  /** A request of that tier asks to be admitted: why it is rejected, or undefined. Both are counted. */
  refuse(tier: number): string | undefined {
    const { core } = this.#state
    const now = core.now()
    this.#window.ask(tier, now)
    this.#window.look(now)
    const probability = tierProbability(tier, this.#probability, this.#rejection.most, this.#window.asked)
    if (probability === 0 || core.random() >= probability * TWO_TO_32) return undefined
    this.#state.countService(this.#service, SERVICE.CONTROL_REJECTED + 2 * tier)
    return this.#why(tier, probability)
  }

  /** ms after which the share that is rejected is another: a tenth of the window is. */
  get retryAfterMs(): number {
    return this.#window.periodMs
  }

  /** A try has ended. One that another one follows is taken off again with `retried`. */
  ended(outcome: OutcomeCode): void {
    this.#count(outcome, 1)
  }

  /** The request goes on after a try that ended like this. */
  retried(outcome: OutcomeCode): void {
    this.#count(outcome, -1)
  }

  /** The body of a good answer broke off: the request has failed after all. */
  broken(): void {
    this.#window.add(0, -1, this.#state.core.now())
  }

  get stats(): AdmissionControlStats {
    this.#window.look(this.#state.core.now())
    const { asked } = this.#window
    const probability = this.#probability
    return {
      successRate: successRate(this.#window),
      rejectionProbability: probability,
      tiers: Array.from({ length: TIERS }, (_, tier) => ({
        rejectionProbability: tierProbability(tier, probability, this.#rejection.most, asked),
        rejected: this.#state.serviceTotal(this.#service, SERVICE.CONTROL_REJECTED + 2 * tier),
      })),
    }
  }

  #count(outcome: OutcomeCode, times: number): void {
    // Who has left, or ended it from this side, has proved nothing.
    if (outcome === OUTCOME.CANCELLED) return
    this.#window.add(times, outcome === OUTCOME.SUCCEEDED ? times : 0, this.#state.core.now())
  }

  /** Of all requests, as of the window's last look. */
  get #probability(): number {
    if (this.#window.rps < this.#options.rpsThreshold) return 0
    return rejectionProbability(this.#window, this.#rejection)
  }

  #why(tier: number, probability: number): string {
    const { successRateThreshold, windowMs } = this.#options
    const rate = (successRate(this.#window) * PER_CENT).toFixed(1)
    return (
      `admission control has rejected the request: ${rate}% of those of the last ${windowMs / 1_000} s succeeded, ` +
      `below ${successRateThreshold}%, so ${(probability * PER_CENT).toFixed(1)}% of priority ${tier} are rejected`
    )
  }
}
