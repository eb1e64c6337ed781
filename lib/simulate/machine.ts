import { HEADER } from '../engine/layout.js'
import type { Endpoint, LoadReport } from '../model/index.js'
import type { SimulatedMachine, TimerHandle, Timers } from '../runtime/timers.js'
import type { RandomStream } from './random.js'

/** Not 0, so that no time of the balancers is mistaken for "never". */
export const START_MS = 1_000_000

const MANUAL = 1

/** What clients' balancers share: the time, and the endpoints as they are met over the network. */
export interface World {
  /** ms on the balancers' clock. */
  readonly now: number
  /** Runs `fn` at a time; balancers that it touches have to be set to that time first. */
  at(time: number, fn: () => void): TimerHandle
  check(endpoint: Endpoint): Promise<{ ok: boolean; latencyMs: number; detail: string }>
  probe(endpoint: Endpoint, timeoutMs: number, answered: (report: LoadReport | undefined) => void): void
}

/**
 * Time and chance of one client's balancer. Its engine reads the time from its own shared memory, so `sync` has to be
 * called before anything that happens to it.
 */
export class ClientMachine implements Timers, SimulatedMachine {
  readonly simulated: SimulatedMachine = this
  readonly #world: World
  readonly #random: RandomStream
  #engineNow: Float64Array | undefined

  constructor(world: World, random: RandomStream) {
    this.#world = world
    this.#random = random
  }

  drive(root: Int32Array<SharedArrayBuffer>): void {
    this.#engineNow = new Float64Array(root.buffer, HEADER.MANUAL_NOW * Int32Array.BYTES_PER_ELEMENT, 1)
    this.sync()
    // (S4) After the time: who sees the mode sees the time.
    root[HEADER.CLOCK_MODE] = MANUAL
  }

  /** Sets the engine's clock to the simulation's. */
  sync(): void {
    if (this.#engineNow !== undefined) this.#engineNow[0] = this.#world.now
  }

  now(): number {
    return this.#world.now
  }

  random(): number {
    return 1 - this.#random.uniform()
  }

  after(ms: number, fn: () => void): TimerHandle {
    return this.#world.at(this.#world.now + ms, () => {
      this.sync()
      fn()
    })
  }

  /** Bound: the control loops take it as a function. */
  readonly check = async (
    endpoint: Endpoint,
  ): Promise<{ ok: boolean; latencyMs: number; detail: string }> => {
    const result = await this.#world.check(endpoint)
    this.sync()
    return result
  }

  /** What is told at the very time of the answer, not a moment later as by a promise. */
  probe(endpoint: Endpoint, timeoutMs: number): PromiseLike<LoadReport | undefined> {
    const world = this.#world
    const sync = () => this.sync()
    const told: Pick<PromiseLike<LoadReport | undefined>, 'then'> = {
      // biome-ignore lint/suspicious/noThenProperty: it is a promise whose listener must not wait for a microtask
      then(answered) {
        world.probe(endpoint, timeoutMs, (report) => {
          sync()
          answered?.(report)
        })
        return told as never
      },
    }
    return told
  }
}
