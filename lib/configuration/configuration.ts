import type { SharedState } from '../engine/state.js'
import { ConfigError } from '../errors.js'
import type { Change, PlacedService } from './change.js'
import { ConfiguredService, type EndpointDiff, type Placing, type ServicePlan } from './configured-service.js'
import { keepingFound } from './found.js'
import { withKnownObjects } from './known-objects.js'
import type { ResolvedRule } from './rule.js'
import { type CompiledRules, compileRules } from './rules/compile.js'
import type { ResolvedService } from './service.js'

/** A change that was worked out, and what was claimed for it: published with it, given back where nothing comes of it. */
export interface Plan extends ServicePlan {
  /** Indexes of service records. */
  readonly services: readonly number[]
}

/** What taking over a change did in this thread, in the order in which it is to be told. */
export type Adopted =
  /** A service is new; it has no endpoints yet. */
  | { readonly kind: 'opened'; readonly service: ConfiguredService }
  /** A service has other options or endpoints. `how` tells why endpoints were added. */
  | {
      readonly kind: 'configured'
      readonly service: ConfiguredService
      readonly diff: EndpointDiff
      readonly how: string
    }
  /** Endpoints of a service came, left or have another weight; its options are as they were. */
  | {
      readonly kind: 'endpoints'
      readonly service: ConfiguredService
      readonly diff: EndpointDiff
      readonly how: string
    }
  /** A service has left. */
  | { readonly kind: 'closed'; readonly service: ConfiguredService; readonly diff: EndpointDiff }
  /** The whole configuration was replaced, rules included. Comes last. */
  | { readonly kind: 'replaced' }

const CONFIGURED = 'it was configured'

/**
 * The configuration as this thread has it: services and rules. A change goes one way: it is planned on what is here,
 * published for all threads, and adopted by each, the one that made it included. Nothing here waits, tells or sends.
 */
export class Configuration {
  readonly #placing: Placing
  readonly #state: SharedState
  readonly #services = new Map<string, ConfiguredService>()
  /** The same, by the index of the record. */
  readonly #byRecord = new Map<number, ConfiguredService>()
  #rules: readonly ResolvedRule[] = Object.freeze([])
  #compiled: CompiledRules = compileRules([])

  constructor(placing: Placing) {
    this.#placing = placing
    this.#state = placing.state
  }

  get rules(): readonly ResolvedRule[] {
    return this.#rules
  }

  /** Every service as configured, before any rule. */
  get bases(): Map<string, ResolvedService> {
    return new Map([...this.#services].map(([name, { base }]) => [name, base]))
  }

  isService(index: number): boolean {
    return this.#byRecord.has(index)
  }

  /** The whole of it, for other threads to take over. */
  get whole(): Change {
    const services = Array.from(this.#services.values(), ({ placed }) => placed)
    return { kind: 'all', services, rules: this.#rules }
  }

  // Planning: nothing changes yet.

  /**
   * A whole configuration: services that stay keep their record, endpoints that stay their slot.
   * @throws ConfigError where shared memory has no room left
   */
  plan(configured: ReadonlyMap<string, ResolvedService>, rules: readonly ResolvedRule[]): Plan {
    const compiled = compileRules(rules)
    const placed: PlacedService[] = []
    const [slots, services]: [number[], number[]] = [[], []]
    try {
      for (const [name, given] of configured) {
        const rule = compiled.match(name)
        const known = this.#services.get(name)
        const base = known === undefined ? given : keepingFound(given, known.base.found)
        const service = known ?? this.#claim(base, rule, services)
        const place = service.place(base, rule)
        placed.push(place.service)
        for (const slot of place.fresh) slots.push(slot)
      }
    } catch (error) {
      this.giveBack({ slots, services })
      throw error
    }
    return { change: { kind: 'all', services: placed, rules }, slots, services }
  }

  #claim(base: ResolvedService, rule: ResolvedRule | undefined, claimed: number[]): ConfiguredService {
    const index = this.#state.claims.takeService()
    if (index < 0) {
      const message = `more services than a balancer has room for once its handle was read: ${this.#state.serviceCapacity}, those that are leaving included`
      throw new ConfigError([{ path: 'services', message }])
    }
    claimed.push(index)
    return new ConfiguredService(this.#placing, index, base, rule)
  }

  /** Nothing came of a plan. */
  giveBack({ slots, services }: Pick<Plan, 'slots' | 'services'>): void {
    for (const slot of slots) this.#state.claims.dropSlot(slot)
    for (const service of services) this.#state.claims.dropService(service)
  }

  /** A plan was published: what was claimed for it is in use. */
  keep({ slots, services }: Plan): void {
    for (const slot of slots) this.#state.claims.publishSlot(slot)
    for (const service of services) this.#state.claims.publishService(service)
  }

  // Adopting.

  /** Takes over a change that this or another thread has published as `version`. */
  adopt(change: Change, version: number): Adopted[] {
    if (change.kind === 'all') return this.#adoptAll(change.services, change.rules, version)
    const index = change.kind === 'service' ? change.service.index : change.service
    const service = this.#byRecord.get(index)
    // It has left since: a change that was read with others, and is older than the last one.
    if (service === undefined) return []
    if (change.kind !== 'service') {
      const diff = service.adopt(change, version)
      const isFound = change.kind === 'found' || change.kind === 'found-difference'
      const how = isFound ? 'a source has found it' : 'it was added at run time'
      return [{ kind: 'endpoints', service, diff, how }]
    }
    const diff = service.configure(change.service, this.#compiled.match(service.name), version)
    return [{ kind: 'configured', service, diff, how: CONFIGURED }]
  }

  /** As `adopt`, of a change that was read: this thread's own objects stay in the place of those that say the same. */
  adoptRead(change: Change, version: number): Adopted[] {
    return this.adopt(
      withKnownObjects(change, (index) => this.#byRecord.get(index)),
      version,
    )
  }

  #adoptAll(placed: readonly PlacedService[], rules: readonly ResolvedRule[], version: number): Adopted[] {
    const adopted: Adopted[] = []
    this.#rules = Object.freeze([...rules])
    this.#compiled = compileRules(rules)
    const indexes = new Map(placed.map(({ name, index }) => [name, index]))
    for (const [name, service] of this.#services) {
      if (indexes.get(name) === service.index) continue
      this.#services.delete(name)
      this.#byRecord.delete(service.index)
      adopted.push({ kind: 'closed', service, diff: service.clear(version) })
      this.#placing.retired.close(service.index, version)
    }
    for (const one of placed) {
      const rule = this.#compiled.match(one.name)
      let service = this.#services.get(one.name)
      if (service === undefined) {
        service = new ConfiguredService(this.#placing, one.index, one.base, rule)
        this.#services.set(one.name, service)
        this.#byRecord.set(one.index, service)
        adopted.push({ kind: 'opened', service })
      }
      const diff = service.configure(one, rule, version)
      adopted.push({ kind: 'configured', service, diff, how: CONFIGURED })
    }
    adopted.push({ kind: 'replaced' })
    return adopted
  }
}
