/**
 * Time and chance of the control loops, in one injected place: the system's, or a manual one for tests and simulation.
 */
import type { Endpoint, LoadReport } from '../model/index.js'
import { monotonicNow } from './clock.js'

export interface TimerHandle {
  cancel(): void
}

export interface Timers {
  /** Monotonic time in ms. */
  now(): number
  /** Runs `fn` once after `ms`; never keeps the process alive. */
  after(ms: number, fn: () => void): TimerHandle
  /** Uniform in [0, 1). */
  random(): number
  /** Only in a simulation: what the control loops meet in the place of a machine and its network. */
  readonly simulated?: SimulatedMachine
}

/** What a balancer touches beside timers, made up by a simulation. */
export interface SimulatedMachine {
  /** The engine is to read the simulation's clock, through the words for it in a balancer's root segment. */
  drive(root: Int32Array<SharedArrayBuffer>): void
  /** An active check, or a bare connection; `ok` where the endpoint takes requests. */
  check(endpoint: Endpoint): Promise<{ ok: boolean; latencyMs: number; detail: string }>
  /** Asks an endpoint how loaded it is. */
  probe(endpoint: Endpoint, timeoutMs: number): PromiseLike<LoadReport | undefined>
}

export const systemTimers: Timers = {
  now: monotonicNow,
  after(ms, fn) {
    const timer = setTimeout(fn, ms).unref()
    return { cancel: () => clearTimeout(timer) }
  },
  random: Math.random,
}

/** A wait of `ms` varied by up to `share` of it in both directions, so that many loops do not fall into step. */
export const jittered = (timers: Timers, ms: number, share: number): number =>
  ms * (1 + share * (2 * timers.random() - 1))

/** Timers that stand still until `advance` is called. Callbacks run in order of their time. */
export class ManualTimers implements Timers {
  #now: number
  #sequence = 0
  #random: () => number
  readonly #pending = new Map<number, { at: number; fn: () => void }>()

  constructor(startMs = 1_000_000, random: () => number = () => 0.5) {
    this.#now = startMs
    this.#random = random
  }

  now(): number {
    return this.#now
  }

  random(): number {
    return this.#random()
  }

  after(ms: number, fn: () => void): TimerHandle {
    const id = ++this.#sequence
    this.#pending.set(id, { at: this.#now + Math.max(0, ms), fn })
    return { cancel: () => void this.#pending.delete(id) }
  }

  /** How many callbacks wait. */
  get pending(): number {
    return this.#pending.size
  }

  /** Moves time on by `ms` and runs what falls due, lets promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await settle()
      let next: [number, { at: number; fn: () => void }] | undefined
      for (const entry of this.#pending) {
        if (entry[1].at <= end && (next === undefined || entry[1].at < next[1].at)) next = entry
      }
      if (next === undefined) break
      this.#pending.delete(next[0])
      this.#now = Math.max(this.#now, next[1].at)
      next[1].fn()
    }
    this.#now = end
    await settle()
  }
}

/** Lets all promise callbacks that are ready run, and what waits until the sockets were read. */
const settle = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(() => setImmediate(resolve))))
