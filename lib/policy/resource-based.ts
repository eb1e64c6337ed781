import type { ResolvedPolicy } from '../options/resolved.js'
import type { TimerHandle } from '../runtime/timers.js'
import { bestOf } from './choose.js'
import type { OpenPolicy, PolicyContext, PolicyPicker, PolicyView, StatefulPolicy } from './policy.js'
import { ReportedWeights } from './reported-weights.js'
import { roundRobin } from './round-robin.js'
import { ByScore, sharesOf } from './score.js'
import { strideOver } from './stride.js'

/**
 * With `weights: 'score'` the highest of (health + (1 - in-flight/limit) + (1 - latency/1 s)) / 3 among all endpoints;
 * with `'orca'` weighted round robin by the load that the endpoints report (gRPC A58), round robin until two of them do.
 */
export const resourceBased: StatefulPolicy = {
  name: 'resource-based',
  latency: 'plain',
  looksAtLatency: true,
  ignoresWeights: true,
  open: (context, options) =>
    options.weights === 'orca'
      ? new ByReports(context, options)
      : { picker: (view) => scored(view, options) },
}

function scored(view: PolicyView, { choices }: ResolvedPolicy): PolicyPicker {
  const { health, room } = sharesOf(view)
  const comparison = new ByScore(view, 1, (slot) => health(slot) + room(slot))
  return bestOf(view, view.slots, comparison, choices)
}

class ByReports implements OpenPolicy {
  readonly #context: PolicyContext
  readonly #options: ResolvedPolicy
  readonly #reported: ReportedWeights
  #timer: TimerHandle | undefined
  #lastReport = Number.NEGATIVE_INFINITY

  constructor(context: PolicyContext, options: ResolvedPolicy) {
    this.#context = context
    this.#options = options
    this.#reported = new ReportedWeights(options)
  }

  picker(view: PolicyView): PolicyPicker {
    const { core } = view.state
    const weights = this.#reported.weights(view.usable, core.now())
    return weights === undefined ? roundRobin.picker(view, this.#options) : strideOver(view, weights)
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
