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
