import { MAX_MS } from '../options/common.js'
import { choice, number } from '../options/kinds.js'
import type { ResolvedOf } from '../options/types.js'
import type { TimerHandle } from '../runtime/timers.js'
import { bestOf, CHOICES } from './choose.js'
import { DECAY_MS } from './latency-options.js'
import {
  type OpenPolicy,
  type PolicyContext,
  type PolicyPicker,
  type PolicyView,
  stateful,
} from './policy.js'
import { ReportedWeights } from './reported-weights.js'
import { roundRobin } from './round-robin.js'
import { ByScore, sharesOf } from './score.js'
import { strideOver } from './stride.js'

const OPTIONS = {
  choices: CHOICES,
  decayMs: DECAY_MS,
  weights: choice(['score', 'orca'], {
    default: 'score',
    about: 'What decides: the score of health, room and speed, or the load that endpoints report (ORCA).',
  }),
  blackoutMs: number({
    min: 0,
    max: MAX_MS,
    unit: 'ms',
    default: 10_000,
    source: 'gRPC',
    about: 'With `orca`: reports count after an endpoint has sent them for this long.',
  }),
  expiryMs: number({
    min: 1,
    max: MAX_MS,
    unit: 'ms',
    default: 180_000,
    source: 'gRPC',
    about: 'With `orca`: a report older than this counts no more.',
  }),
  updateMs: number({
    min: 100,
    max: MAX_MS,
    unit: 'ms',
    default: 1_000,
    source: 'gRPC',
    about: 'With `orca`: time between two updates of the weights.',
  }),
  errorPenalty: number({
    min: 0,
    max: 1_000,
    default: 1,
    source: 'gRPC',
    about: 'With `orca`: how much errors/requests add to the utilization.',
  }),
} as const

type Options = ResolvedOf<typeof OPTIONS>

/**
 * With `weights: 'score'` the highest of (health + (1 - in-flight/limit) + (1 - latency/1 s)) / 3 among all endpoints;
 * with `'orca'` weighted round robin by the load that the endpoints report (gRPC A58), round robin until two of them do.
 */
export const resourceBased = stateful({
  name: 'resource-based',
  options: OPTIONS,
  latency: 'plain',
  looksAtLatency: true,
  ignoresWeights: true,
  open: (context, options) =>
    options.weights === 'orca'
      ? new ByReports(context, options)
      : { picker: (view) => scored(view, options) },
})

function scored(view: PolicyView, { choices }: Options): PolicyPicker {
  const { health, room } = sharesOf(view)
  const comparison = new ByScore(view, 1, (slot) => health(slot) + room(slot))
  return bestOf(view, view.slots, comparison, choices)
}

class ByReports implements OpenPolicy {
  readonly #context: PolicyContext
  readonly #options: Options
  readonly #reported: ReportedWeights
  #timer: TimerHandle | undefined
  #lastReport = Number.NEGATIVE_INFINITY

  constructor(context: PolicyContext, options: Options) {
    this.#context = context
    this.#options = options
    this.#reported = new ReportedWeights(options)
  }

  picker(view: PolicyView): PolicyPicker {
    const { core } = view.state
    const weights = this.#reported.weights(view.usable, core.now())
    return weights === undefined ? roundRobin.picker(view, {}) : strideOver(view, weights)
  }

  reported(...[member, report]: Parameters<Required<OpenPolicy>['reported']>): void {
    const now = this.#context.state.core.now()
    if (!this.#reported.add(member, report, now)) return
    this.#lastReport = now
    this.#timer ??= this.#again()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Weights follow the reports at this pace; it ends when the last report has expired. */
  #again(): TimerHandle {
    return this.#context.timers.after(this.#options.updateMs, () => {
      this.#context.changed()
      const age = this.#context.state.core.now() - this.#lastReport
      this.#timer = age <= this.#options.expiryMs ? this.#again() : undefined
    })
  }
}
