import { HEADER } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import type { Timers } from '../runtime/timers.js'
import { ServiceChecks } from './service-checks.js'
import type { ServiceRuntime } from './service-runtime.js'

/**
 * What runs beside the requests: active checks, and attempts to connect to endpoints that nobody could connect to, both in the
 * thread that leads. It also watches for the ends of ejections, which any thread may bring about.
 */
export class ControlLoops {
  readonly #state: SharedState
  readonly #timers: Timers
  readonly #leads: () => boolean
  readonly #checks = new Map<ServiceRuntime, ServiceChecks>()
  #stopped = false

  constructor(state: SharedState, timers: Timers, leads: () => boolean) {
    this.#state = state
    this.#timers = timers
    this.#leads = leads
  }

  add(service: ServiceRuntime): void {
    this.#checks.set(service, new ServiceChecks(service, this.#state, this.#timers, this.#leads))
  }

  remove(service: ServiceRuntime): void {
    void this.#checks.get(service)?.stop()
    this.#checks.delete(service)
  }

  /** The service's options or endpoints have changed, or one of them was set by hand. */
  configure(service: ServiceRuntime): void {
    this.#checks.get(service)?.configure()
  }

  /** An endpoint has left. */
  forget(service: ServiceRuntime, id: string): void {
    this.#checks.get(service)?.forget(id)
  }

  /** Runs the loops where this thread leads and the balancer was started, and stops them where not. */
  update(): void {
    const leads = this.#leads() && !this.#stopped
    const runs = leads && Atomics.load(this.#state.root, HEADER.STARTED) === 1
    for (const checks of this.#checks.values()) {
      if (runs) checks.start()
      else void checks.stop()
    }
    if (leads) for (const service of this.#checks.keys()) service.ejection.watch()
  }

  /** Another thread has ejected an endpoint of the service, or set it by hand. */
  inspect(service: ServiceRuntime): void {
    this.configure(service)
    service.ejection.watch()
  }

  /** Resolves when the checks under way are over. */
  async stop(): Promise<void> {
    this.#stopped = true
    await Promise.all([...this.#checks.values()].map((checks) => checks.stop()))
  }
}
