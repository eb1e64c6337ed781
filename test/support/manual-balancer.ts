/** A balancer whose time, active checks, bare connections and probes are the test's; its requests are real. */
import { onTestFinished } from 'vitest'
import { Balancer } from '../../lib/clients/balancer.js'
import { HEADER } from '../../lib/engine/layout.js'
import type { BalancerConfig, Endpoint, LoadReport, ServiceConfig } from '../../lib/model/index.js'
import type { SimulatedMachine, TimerHandle } from '../../lib/runtime/timers.js'
import { ManualTimers } from './manual-timers.js'

type Result = { ok: boolean; latencyMs: number; detail: string }

/** Manual time for the control loops and the engine alike. */
export class ManualMachine extends ManualTimers {
  readonly simulated: SimulatedMachine
  /** What an active check, or an attempt to connect, finds: by default, that all is well. */
  check: (endpoint: Endpoint) => Promise<Result> = async () => ({ ok: true, latencyMs: 1, detail: 'well' })
  probe: (endpoint: Endpoint) => Promise<LoadReport | undefined> = async () => undefined
  #engineNow: Float64Array | undefined

  constructor() {
    super()
    this.simulated = {
      drive: (root) => {
        this.#engineNow = new Float64Array(root.buffer, HEADER.MANUAL_NOW * Int32Array.BYTES_PER_ELEMENT, 1)
        this.#sync()
        root[HEADER.CLOCK_MODE] = 1
      },
      check: (endpoint) => this.check(endpoint),
      probe: (endpoint) => this.probe(endpoint),
    }
  }

  override after(ms: number, fn: () => void): TimerHandle {
    return super.after(ms, () => {
      this.#sync()
      fn()
    })
  }

  override async advance(ms: number): Promise<void> {
    await super.advance(ms)
    this.#sync()
  }

  #sync(): void {
    if (this.#engineNow !== undefined) this.#engineNow[0] = this.now()
  }
}

/** One service, `users`, of endpoints with these names and URLs; stopped after the test. */
export function manualBalancer(
  endpoints: readonly { name: string; url: string }[],
  service: Partial<ServiceConfig> = {},
) {
  const machine = new ManualMachine()
  const configOf = (some = endpoints, rest = service): BalancerConfig => ({
    services: { users: { endpoints: some.map(({ name, url }) => ({ id: name, url })), ...rest } },
    seed: 1,
  })
  const balancer = new Balancer(configOf(), machine)
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  const events: string[] = []
  balancer.on('endpoint', ({ type, endpoint }) => events.push(`${endpoint.id} ${type}`))
  const users = () => balancer.stats().services['users']
  return { balancer, machine, events, users, configOf }
}

/** Endpoints that nobody asks: for picks without requests. */
export const named = (...names: string[]): { name: string; url: string }[] =>
  names.map((name) => ({ name, url: `http://${name}.test` }))

/** Nobody listens there, and nobody will: a free port may be another test's a moment later. */
export const REFUSING = { name: 'a', url: 'http://127.0.0.1:1' }
