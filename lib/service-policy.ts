import type { SharedState } from './engine/state.js'
import { loadReportOf } from './load/orca.js'
import type { Endpoint, LoadReport } from './model.js'
import type { ResolvedPolicy, ResolvedService } from './options/resolved.js'
import { countsRequests, openPolicy } from './policy/index.js'
import type { Candidate, OpenPolicy, PolicyPicker, PolicyView } from './policy/policy.js'
import { HttpProbe } from './probes.js'
import type { Timers } from './runtime/timers.js'

/** A service's policy at work: opened when its options change, closed when they change again. */
export class ServicePolicy {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #changed: () => void
  #open: OpenPolicy | undefined
  #options: ResolvedPolicy | undefined
  #settings = ''
  #probe: HttpProbe | undefined

  /** `changed`: the policy wants to be asked for another picker. */
  constructor(state: SharedState, timers: Timers, changed: () => void) {
    this.#state = state
    this.#timers = timers
    this.#changed = changed
  }

  /** The same options again keep what the policy has learned. */
  configure({ policy, client, name }: ResolvedService): void {
    const settings = JSON.stringify([policy, policy.probePath === '' ? null : client])
    if (settings === this.#settings) return
    this.close()
    this.#settings = settings
    this.#options = policy
    const context = {
      state: this.#state,
      timers: this.#timers,
      changed: this.#changed,
      probe: (endpoint: Endpoint, path: string, timeoutMs: number) => {
        this.#probe ??= new HttpProbe(client, name, this.#timers)
        return this.#probe.ask(endpoint, path, timeoutMs)
      },
    }
    this.#open = openPolicy(context, policy)
  }

  /** Whether the service's requests in flight have to be counted as a whole. */
  get countsRequests(): boolean {
    return this.#options !== undefined && countsRequests(this.#options)
  }

  picker(view: PolicyView): PolicyPicker {
    return this.#open?.picker(view) ?? (() => -1)
  }

  ended(slot: number, startedAt: number, latencyMs: number): void {
    this.#open?.ended?.(slot, startedAt, latencyMs)
  }

  /** What an endpoint said of its load. */
  reported(member: Candidate, report: LoadReport): void {
    this.#open?.reported?.(member, report)
  }

  /** A response's raw headers, where the policy wants to know of them. */
  responded(member: Candidate, headers: Parameters<typeof loadReportOf>[0]): void {
    if (this.#open?.reported === undefined) return
    const report = loadReportOf(headers)
    if (report !== undefined) this.#open.reported(member, report)
  }

  forget(id: string): void {
    this.#probe?.forget(id)
  }

  close(): void {
    this.#open?.close?.()
    this.#open = undefined
    this.#settings = ''
    this.#probe?.close()
    this.#probe = undefined
  }
}
