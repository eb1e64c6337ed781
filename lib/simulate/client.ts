import { BalancerCore } from '../balancer/balancer.js'
import type { Reservation } from '../balancer/reservation.js'
import { ServiceHandle } from '../balancer/service-handle.js'
import type { ServiceRuntime } from '../balancer/service-runtime.js'
import { NoEndpointError, OverloadedError } from '../errors.js'
import type { Waiter } from '../health/passive/stall.js'
import type { BalancerConfig, Endpoint, Service } from '../model/index.js'
import { ClientMachine, type World } from './machine.js'
import type { RandomStream } from './random.js'

/** The service that every simulated request is for. */
export const SERVICE = 'simulated'

/** One process that sends requests, with the shipped balancer. */
export class SimulatedClient {
  readonly #balancer: BalancerCore
  readonly #machine: ClientMachine
  /** Requests that wait until an endpoint is below its limit, by number. */
  readonly queue: number[] = []
  /** Endpoints have changed since it was last found that none has room. */
  changed = true
  /** Leases that have not ended. */
  inFlight = 0

  /** Throws `ConfigError`. */
  constructor(config: BalancerConfig, world: World, random: RandomStream) {
    this.#machine = new ClientMachine(world, random)
    this.#balancer = new BalancerCore(config, this.#machine)
    this.#balancer.listen(() => {
      this.changed = true
    })
  }

  get service(): ServiceRuntime {
    this.#machine.sync()
    return this.#balancer.known(SERVICE)
  }

  /** To change its endpoints. */
  get handle(): Service {
    return new ServiceHandle(this.#balancer.services, this.service)
  }

  start(): Promise<void> {
    return this.#balancer.start()
  }

  /** A place for one request; `full`: each endpoint is at its limit; `none`: no endpoint may be used. */
  pick(key: string | undefined): Reservation | 'full' | 'none' {
    const { service } = this
    const request = key === undefined ? undefined : { key }
    try {
      // As fairlead's own clients: every simulated request is idempotent.
      const lease = this.#balancer.pickTrial(service, request) ?? this.#balancer.pickFrom(service, request)
      service.budget.deposit(lease.startedAt)
      this.inFlight++
      return lease
    } catch (error) {
      if (error instanceof OverloadedError) return 'full'
      if (error instanceof NoEndpointError) return 'none'
      throw error
    }
  }

  /** A request waits for its answer, and may go elsewhere: `leave` is called where the endpoint turns out to answer nothing. */
  wait(lease: Reservation, leave: () => void): Waiter {
    const { service } = this
    const waiter: Waiter = {
      slot: lease.slot,
      next: undefined,
      previous: undefined,
      leave: () => {
        if (this.#balancer.hasAlternative(service, [lease.endpoint]) && service.budget.withdraw()) leave()
      },
    }
    service.stalls.join(waiter)
    return waiter
  }

  /** It waits no longer. */
  withdraw(waiter: Waiter): void {
    this.service.stalls.withdraw(waiter)
  }

  /** A place on an endpoint other than `tried`, for a request that was there; undefined where there is none. */
  pickExcluding(tried: Endpoint): Reservation | undefined {
    const lease = this.#balancer.pickExcluding(this.service, [tried])
    if (lease !== undefined) this.inFlight++
    return lease
  }

  /** Call before a lease of this client ends. */
  ends(): void {
    this.#machine.sync()
    this.inFlight--
  }

  stop(): Promise<void> {
    return this.#balancer.stop({ drainMs: 0 })
  }
}
