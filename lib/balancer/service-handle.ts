import type { ServicePlan } from '../configuration/configured-service.js'
import { parseEndpoint } from '../configuration/parse.js'
import { ArgumentError } from '../errors.js'
import { ADMIN_STATES, BREAKERS } from '../health/filter.js'
import type { AdminState, BreakerOverride, Endpoint, EndpointConfig, Service } from '../model/index.js'
import { describeService, type HowToInspect, INSPECT } from '../observe/describe.js'
import { givenTo, withGiven } from '../runtime/dispatchers.js'
import type { ServiceRuntime } from './service-runtime.js'
import type { Services } from './services.js'

/** A service in the hands of a user: what may be changed of it, and nothing else. */
export class ServiceHandle implements Service {
  readonly #services: Services
  readonly #service: ServiceRuntime

  constructor(services: Services, service: ServiceRuntime) {
    this.#services = services
    this.#service = service
  }

  get name(): string {
    return this.#service.name
  }

  get endpoints(): Endpoint[] {
    this.#services.catchUp()
    return this.#service.members.map(({ endpoint }) => endpoint)
  }

  add(endpoint: string | EndpointConfig): Endpoint {
    const parsed = parseEndpoint(endpoint, 'endpoint')
    this.#change(() => this.#service.configured.planAdd(parsed))
    return parsed
  }

  remove(id: string): void {
    this.#change(() => this.#service.configured.planRemove(id))
  }

  set(id: string, change: { state?: AdminState; weight?: number; breaker?: BreakerOverride }): void {
    this.#services.catchUp()
    const { configured } = this.#service
    configured.find(id)
    if (typeof change !== 'object' || change === null)
      throw new ArgumentError(`set() takes an object like { state: 'drain' }, not ${String(change)}`)
    for (const key of Object.keys(change)) {
      if (!['state', 'weight', 'breaker'].includes(key))
        throw new ArgumentError(`set() takes state, weight and breaker, not "${key}"`)
    }
    const admin = codeOf(ADMIN_STATES, change.state, 'state')
    const breaker = codeOf(BREAKERS, change.breaker, 'breaker')
    const { weight } = change
    if (weight !== undefined)
      this.#change(() => configured.planWeigh(id, (before) => weighed(before, weight)))
    this.#services.refuseStopped()
    this.#service.setByHand(configured.find(id), admin, breaker)
  }

  #change(plan: () => ServicePlan): void {
    this.#services.change(() => {
      const { name, closed } = this.#service
      if (closed) {
        throw new ArgumentError(
          `service "${name}" has left the configuration; balancer.service("${name}") is the one of that name, if there is one`,
        )
      }
      return plan()
    })
  }

  [INSPECT](...how: HowToInspect): string {
    return describeService(this.#service.facts, how)
  }
}

/** The endpoint with another weight. Throws `ConfigError`. */
function weighed(before: Endpoint, weight: number): Endpoint {
  const { host: _, port: __, ...config } = before
  const parsed = parseEndpoint({ ...config, weight }, `endpoint "${before.id}"`)
  return withGiven(parsed, givenTo(before))
}

function codeOf<T extends string>(
  words: readonly T[],
  word: T | undefined,
  what: string,
): number | undefined {
  if (word === undefined) return undefined
  const code = words.indexOf(word)
  if (code < 0) throw new ArgumentError(`${what} is "${String(word)}"; it takes one of ${words.join(', ')}`)
  return code
}
