import { BUDGET_BUCKET_COUNT, SERVICE } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { group, number } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'

export const BUDGET = group(
  {
    ratio: number({
      min: 0,
      max: 10,
      step: 0.001,
      default: 0.2,
      source: 'Finagle',
      about: 'Retries that each request allows.',
    }),
    minPerSecond: number({
      integer: true,
      min: 0,
      max: 10_000,
      unit: 'retries/s',
      default: 10,
      source: 'Finagle',
      about: 'Retries allowed each second whatever the traffic.',
    }),
  },
  { summary: 'How many retries there may be, over all threads.' },
)

/** A retry costs a thousand thousandths. */
const RETRY_THOUSANDTHS = 1000
const MS_PER_SECOND = 1000

/**
 * The retry budget of a service, shared by all its threads: a token bucket in which each request puts `ratio` of a retry
 * that lives for ten seconds, with `minPerSecond` retries a second on top whatever the traffic (Finagle's RetryBudget).
 * Ten one-second buckets of deposits minus withdrawals are the window.
 */
export class RetryBudget {
  readonly #state: SharedState
  /** The segment of the service's record. */
  readonly #words: Int32Array
  readonly #second: number
  readonly #buckets: number
  readonly #depositThousandths: number
  readonly #reserveThousandths: number

  constructor(state: SharedState, service: number, budget: ResolvedOf<typeof BUDGET.shape>) {
    this.#state = state
    this.#words = state.serviceWords(service)
    this.#second = state.serviceField(service, SERVICE.BUDGET_SECOND)
    this.#buckets = state.serviceField(service, SERVICE.BUDGET_BUCKETS)
    this.#depositThousandths = Math.round(budget.ratio * RETRY_THOUSANDTHS)
    this.#reserveThousandths = budget.minPerSecond * BUDGET_BUCKET_COUNT * RETRY_THOUSANDTHS
  }

  /** One request was sent, at a time that the caller knows already. */
  deposit(nowMs: number): void {
    Atomics.add(this.#words, this.#bucket(nowMs), this.#depositThousandths)
  }

  /** Takes one retry where the balance has one. Two threads may take the last one together: the next ones wait longer. */
  withdraw(): boolean {
    const bucket = this.#bucket(this.#state.core.now())
    if (this.#balanceThousandths() < RETRY_THOUSANDTHS) return false
    Atomics.sub(this.#words, bucket, RETRY_THOUSANDTHS)
    return true
  }

  /** Retries that could be taken now. */
  get available(): number {
    this.#bucket(this.#state.core.now())
    return Math.max(0, Math.floor(this.#balanceThousandths() / RETRY_THOUSANDTHS))
  }

  #balanceThousandths(): number {
    let sum = this.#reserveThousandths
    for (let i = 0; i < BUDGET_BUCKET_COUNT; i++) sum += Atomics.load(this.#words, this.#buckets + i)
    return sum
  }

  /** The word of the current second's bucket; whoever meets a new second first empties the buckets that fell out. */
  #bucket(nowMs: number): number {
    const words = this.#words
    const second = Math.floor(nowMs / MS_PER_SECOND) | 0
    const seen = Atomics.load(words, this.#second)
    const passed = (second - seen) | 0
    if (passed > 0 && Atomics.compareExchange(words, this.#second, seen, second) === seen) {
      for (let i = 0; i < Math.min(passed, BUDGET_BUCKET_COUNT); i++) {
        Atomics.store(words, this.#buckets + positive(second - i), 0)
      }
    }
    return this.#buckets + positive(second)
  }
}

const positive = (second: number): number => (second >>> 0) % BUDGET_BUCKET_COUNT
