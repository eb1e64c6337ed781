import type { ResolvedService } from '../configuration/service.js'
import type { SharedState } from '../engine/state.js'
import { loadReportOf } from '../load/orca.js'
import type { Endpoint, LoadReport } from '../model/index.js'
import { countsRequests, honoursWeights, keyOf, openPolicy } from '../policy/index.js'
import type {
  Candidate,
  OpenPolicy,
  Policy,
  PolicyContext,
  PolicyPicker,
  PolicyView,
  ResolvedPolicy,
} from '../policy/policy.js'
import type { Timers } from '../runtime/timers.js'
import { LoadProbe } from './load-probe.js'

interface Opened {
  readonly policy: OpenPolicy
  /** When it was last asked for a picker. */
  round: number
}

/** Subsets are divided when they are asked for: one that was not for this many changes of the service is given up. */
const KEPT_ROUNDS = 16

/** A service's policy at work: opened when its options change, closed when they change again. */
export class ServicePolicy {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #changed: () => void
  /** By the part of the service that it chooses from. */
  readonly #open = new Map<string, Opened>()
  /** Of those, the ones that want to know of requests. Mostly none, so that a request costs nothing here. */
  #listening: readonly OpenPolicy[] = []
  #context: PolicyContext | undefined
  #round = 0
  #options: ResolvedPolicy | undefined
  #settings = ''
  #probe: LoadProbe | undefined

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
    this.#context = {
      state: this.#state,
      timers: this.#timers,
      changed: this.#changed,
      probe: (endpoint: Endpoint, path: string, timeoutMs: number) => {
        const { simulated } = this.#timers
        if (simulated !== undefined) return simulated.probe(endpoint, timeoutMs)
        this.#probe ??= new LoadProbe(client, name, this.#timers)
        return this.#probe.ask(endpoint, path, timeoutMs)
      },
    }
  }

  /** Whether the service's requests in flight have to be counted as a whole. */
  get countsRequests(): boolean {
    return this.#options !== undefined && countsRequests(this.#options)
  }

  get keyOf(): Policy['keyOf'] {
    return this.#options && keyOf(this.#options)
  }

  get honoursWeights(): boolean {
    return this.#options !== undefined && honoursWeights(this.#options)
  }

  /** The service is about to be divided anew. Parts that have not been asked for in a while are given up. */
  nextRound(): void {
    this.#round++
    for (const [part, { policy, round }] of this.#open) {
      if (this.#round - round <= KEPT_ROUNDS) continue
      policy.close?.()
      this.#open.delete(part)
      this.#updateListening()
    }
  }

  /** @param part which part of the service the view is of: what the policy has learned is kept for each by itself */
  picker(part: string, view: PolicyView): PolicyPicker {
    if (this.#options === undefined || this.#context === undefined) return () => -1
    let opened = this.#open.get(part)
    if (opened === undefined) {
      this.#open.set(part, (opened = { policy: openPolicy(this.#context, this.#options), round: 0 }))
      this.#updateListening()
    }
    opened.round = this.#round
    return opened.policy.picker(view)
  }

  /** See `OpenPolicy`. */
  answered(slot: number, startedAt: number, latencyMs: number, isAnswer: boolean): void {
    for (const policy of this.#listening) policy.answered?.(slot, startedAt, latencyMs, isAnswer)
  }

  ended(slot: number, startedAt: number): void {
    for (const policy of this.#listening) policy.ended?.(slot, startedAt)
  }

  /** What an endpoint said of its load. */
  reported(member: Candidate, report: LoadReport): void {
    for (const policy of this.#listening) policy.reported?.(member, report)
  }

  /** A response's raw headers, where the policy wants to know of them. */
  responded(member: Candidate, headers: Parameters<typeof loadReportOf>[0]): void {
    if (this.#listening[0]?.reported === undefined) return
    const report = loadReportOf(headers)
    if (report !== undefined) this.reported(member, report)
  }

  forget(id: string): void {
    this.#probe?.forget(id)
  }

  close(): void {
    for (const { policy } of this.#open.values()) policy.close?.()
    this.#open.clear()
    this.#updateListening()
    this.#context = undefined
    this.#settings = ''
    this.#probe?.close()
    this.#probe = undefined
  }

  #updateListening(): void {
    this.#listening = Array.from(this.#open.values(), ({ policy }) => policy).filter(
      ({ answered, ended, reported }) => (answered ?? ended ?? reported) !== undefined,
    )
  }
}
