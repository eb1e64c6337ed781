import type { ResolvedService } from '../configuration/service.js'
import { SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { ActiveChecker } from '../health/active/active-checker.js'
import { type AgentWords, applyAgentWords, endAgentDrain, parseAgentWords } from '../health/active/agent.js'
import type { Check, CheckResult } from '../health/active/check.js'
import { createHttpCheck, type HttpCheck } from '../health/active/http-check.js'
import { tcpCheck } from '../health/active/tcp-check.js'
import { afterCheck, healthScore } from '../health/active/threshold.js'
import { ADMIN } from '../health/filter.js'
import type { Endpoint } from '../model/index.js'
import type { Timers } from '../runtime/timers.js'
import type { Member } from '../topology/member.js'
import { MAX_WEIGHT } from '../topology/options.js'
import type { ServiceRuntime } from './service-runtime.js'

/** A service's active checks, as long as its configuration asks for some. Of all threads that share a balancer one runs them. */
export class ServiceChecks {
  readonly #service: ServiceRuntime
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #leads: () => boolean
  #http: HttpCheck | undefined
  #checker: ActiveChecker | undefined
  /** What the agents said, by endpoint id, in answers whose result is still to come. */
  readonly #said = new Map<string, AgentWords>()
  #settings = ''
  #started = false

  /** `leads` is asked before each result is written: a thread may have been replaced while its loop was held. */
  constructor(service: ServiceRuntime, state: SharedState, timers: Timers, leads: () => boolean) {
    this.#service = service
    this.#state = state
    this.#timers = timers
    this.#leads = leads
  }

  start(): void {
    this.#started = true
    this.configure()
  }

  /** Looks at the service's configuration again: its endpoints, and whether and how they are checked. */
  configure(): void {
    if (!this.#started) return
    const { health, client } = this.#service.options
    const settings = JSON.stringify([health, client])
    if (settings !== this.#settings) {
      void this.#end()
      this.#settings = settings
      if (health?.http?.agent !== true) this.#endAgentDrains()
      if (health !== undefined) {
        this.#checker = new ActiveChecker(
          health,
          this.#checkOf(this.#service.options),
          this.#timers,
          (endpoint, result) => this.#took(endpoint, result),
        )
      }
    }
    const checker = this.#checker
    if (checker === undefined) return
    this.follow(this.#service.members)
    checker.start()
  }

  /** These members are new, or say something else than before. */
  follow(members: readonly Member[]): void {
    const checker = this.#checker
    if (checker === undefined) return
    for (const { endpoint, slot } of members) {
      if (this.#isMaintained(slot)) checker.remove(endpoint.id)
      else checker.add(endpoint)
    }
  }

  forget(id: string): void {
    this.#checker?.remove(id)
    void this.#http?.release(id)
    this.#said.delete(id)
  }

  /** Ends the checks; those under way are aborted. */
  stop(): Promise<void> {
    this.#started = false
    return this.#end()
  }

  async #end(): Promise<void> {
    const [checker, http] = [this.#checker, this.#http]
    this.#checker = undefined
    this.#http = undefined
    this.#settings = ''
    await checker?.stop()
    await http?.close()
  }

  #checkOf({ health, client }: ResolvedService): Check {
    const { simulated } = this.#timers
    if (simulated !== undefined) return simulated.check
    if (health?.http === undefined) return tcpCheck
    const { name } = this.#service
    if (!health.http.agent) {
      this.#http = createHttpCheck(health.http, client, name, this.#timers)
      return this.#http.check
    }
    const http = createHttpCheck(health.http, client, name, this.#timers, (endpoint, _headers, body) =>
      this.#said.set(endpoint.id, parseAgentWords(body)),
    )
    this.#http = http
    return async (endpoint, timeoutMs, signal) => {
      this.#said.delete(endpoint.id)
      const result = await http.check(endpoint, timeoutMs, signal)
      const down = result.ok ? this.#said.get(endpoint.id)?.down : undefined
      return down === undefined ? result : { ...result, ok: false, detail: `its agent says ${down}` }
    }
  }

  #took(endpoint: Endpoint, result: CheckResult): void {
    if (!this.#leads()) return
    const { health } = this.#service.options
    const member = this.#service.members.find((candidate) => candidate.endpoint.id === endpoint.id)
    if (member === undefined || health === undefined || result.discarded === true) return
    const before = {
      health: this.#state.get(member.slot, SLOT.HEALTH),
      run: this.#state.get(member.slot, SLOT.CHECK_RUN),
    }
    const step = afterCheck(before, result, health.rise, health.fall)
    const score = healthScore(this.#state.getFloat(member.slot, SLOT.HEALTH_SCORE), result)
    this.#service.checked(member, { ...step, ok: result.ok, score }, result.detail)
    this.#applyAgentWords(member)
  }

  /** Puts into force what an endpoint's agent has said. */
  #applyAgentWords(member: Member): void {
    const { id } = member.endpoint
    const words = this.#said.get(id)
    this.#said.delete(id)
    if (words === undefined) return
    const bounds = {
      weight: member.endpoint.weight,
      maxWeight: MAX_WEIGHT,
      maxRequests: this.#service.options.limits.perEndpoint.maxRequests,
    }
    if (applyAgentWords(this.#state, member.slot, words, bounds))
      this.#service.adjusted(member, 'its agent asked for it')
  }

  /** Nobody asks the agents any more, so none of them could take its word back. */
  #endAgentDrains(): void {
    for (const member of this.#service.members)
      if (endAgentDrain(this.#state, member.slot))
        this.#service.adjusted(member, 'its agent is asked no more')
  }

  /** An endpoint under maintenance is not to be bothered. */
  #isMaintained(slot: Member['slot']): boolean {
    return this.#state.get(slot, SLOT.ADMIN) === ADMIN.MAINT
  }
}
