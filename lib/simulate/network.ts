import type { Endpoint, LoadReport } from '../model/index.js'
import type { TimerHandle } from '../runtime/timers.js'
import type { Agenda } from './agenda.js'
import type { SimulatedEndpoint } from './endpoint.js'
import type { World } from './machine.js'
import type { RandomStream } from './random.js'

/** Round trip of a probe or a check, ms. */
const PROBE_MS = 1

/** The endpoints as the balancers' control loops meet them. */
export class Network implements World {
  readonly #agenda: Agenda
  readonly #random: RandomStream
  readonly #readsAnswers: boolean
  #endpoints: ReadonlyMap<string, SimulatedEndpoint> = new Map()
  /** A check was answered, whose listener waits for its turn. Set back by whoever has given it one. */
  unsettled = false

  /** @param readsAnswers checks are HTTP requests, which an error answer fails; else a connection is enough */
  constructor(agenda: Agenda, random: RandomStream, readsAnswers: boolean) {
    this.#agenda = agenda
    this.#random = random
    this.#readsAnswers = readsAnswers
  }

  connect(endpoints: readonly SimulatedEndpoint[]): void {
    this.#endpoints = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]))
  }

  get now(): number {
    return this.#agenda.now
  }

  at(time: number, fn: () => void): TimerHandle {
    return this.#agenda.at(time, fn)
  }

  check({ id }: Endpoint): Promise<{ ok: boolean; latencyMs: number; detail: string }> {
    return new Promise((resolve) => {
      this.at(this.now + PROBE_MS, () => {
        const { fail, share } = this.#find(id).trouble
        const isError = fail === 'status' && this.#readsAnswers && this.#random.uniform() <= share
        // An endpoint that hangs still accepts connections.
        const ok = fail !== 'refuse' && !isError && !(fail === 'hang' && this.#readsAnswers)
        this.unsettled = true
        resolve({ ok, latencyMs: PROBE_MS, detail: ok ? 'simulated' : 'an incident of the simulation' })
      })
    })
  }

  probe({ id }: Endpoint, timeoutMs: number, answered: (report: LoadReport | undefined) => void): void {
    const endpoint = this.#find(id)
    const report = endpoint.trouble.fail === undefined ? endpoint.probed() : undefined
    this.at(this.now + (report === undefined ? timeoutMs : PROBE_MS), () => answered(report))
  }

  #find(id: string): SimulatedEndpoint {
    return this.#endpoints.get(id) as SimulatedEndpoint
  }
}
