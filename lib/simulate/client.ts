import type { Stay } from '../admission/waiter.js'
import { type Asker, BalancerCore } from '../balancer/balancer.js'
import type { Reservation } from '../balancer/reservation.js'
import { ServiceHandle } from '../balancer/service-handle.js'
import type { ServiceRuntime } from '../balancer/service-runtime.js'
import type { Waiter } from '../health/passive/stall.js'
import type { BalancerConfig, Endpoint, PickOptions, Service } from '../model/index.js'
import { ClientMachine, type World } from './machine.js'
import type { RandomStream } from './random.js'

/** The service that every simulated request is for. */
export const SERVICE = 'simulated'

const NO_KEY: PickOptions = Object.freeze({})
const pickOf = (key: string | undefined): PickOptions => (key === undefined ? NO_KEY : { key })

/** As fairlead's own clients: every simulated request is idempotent. */
const MAY_MOVE = true

/** One process that sends requests, with the shipped balancer. */
export class SimulatedClient {
  readonly #balancer: BalancerCore
  readonly #machine: ClientMachine

  /** Throws `ConfigError`. */
  constructor(config: BalancerConfig, world: World, random: RandomStream) {
    this.#machine = new ClientMachine(world, random)
    this.#balancer = new BalancerCore(config, this.#machine)
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

  /** A place for one request that is free now; undefined where there is none, or others wait for one. */
  placeNow(key: string | undefined): Reservation | undefined {
    const { service } = this
    const request = pickOf(key)
    const place =
      this.#balancer.pickTrial(service, request) ?? this.#balancer.placeNow(service, request, MAY_MOVE)
    if (place !== undefined) service.budget.deposit(place.startedAt)
    return place
  }

  /** Has a request wait for a place in the balancer's queue. Undefined where it did not have to: `asker` knows how it ended. */
  admit(key: string | undefined, asker: Asker): Stay | undefined {
    const { service } = this
    return this.#balancer.admit(
      service,
      { pick: pickOf(key), mayMove: MAY_MOVE },
      {
        ...asker,
        placed: (place) => {
          service.budget.deposit(place.startedAt)
          asker.placed(place)
        },
      },
    )
  }

  /** A request that waits for a place does not want it any more. */
  leave(stay: Stay): void {
    this.#machine.sync()
    stay.leave()
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
    return this.#balancer.pickExcluding(this.service, [tried])
  }

  /** Call before a lease of this client ends. */
  sync(): void {
    this.#machine.sync()
  }

  stop(): Promise<void> {
    return this.#balancer.stop({ drainMs: 0 })
  }
}
