/**
 * A discrete-event simulation of endpoints behind a policy: the shipped pickers over shared memory with manual time, on
 * the engine that this run tests. FIFO endpoints, one request at a time unless stated.
 */
import { OUTCOME, SLOT } from '../../lib/engine/layout.js'
import type { PolicyConfig, PolicyName } from '../../lib/model/index.js'
import { admitAll, endpoint, manualState, open, setNow, viewOf } from './state.js'

export interface QueueingSpec {
  readonly policy: PolicyName
  readonly options?: Partial<PolicyConfig>
  readonly endpoints: number
  readonly requests: number
  /** Requests a ms. */
  readonly rate: number
  /** Arrivals at equal distances instead of Poisson's. */
  readonly paced?: boolean
  readonly seed: number
  /** ms of service of a request that begins now. */
  service(random: () => number, endpoint: number, now: number): number
  /** Requests that an endpoint works on at once; Infinity: no queue. Default 1. */
  readonly workers?: number
  /** Requests that are not counted: until the queues have their usual length. */
  readonly warmUp?: number
}

export interface QueueingResult {
  /** ms from arrival to answer, in the order of arrivals. */
  readonly latencies: Float64Array
  readonly counts: readonly number[]
  /** Share of arrivals that found at least i requests at an endpoint, averaged over endpoints: s_0, s_1, ... */
  readonly tail: readonly number[]
}

const START = 1_000_000
const TAILS = 8

/** Uniform in (0, 1]: xorshift32, of its own, so that the pickers' numbers are not disturbed. */
function generator(seed: number): () => number {
  let x = (seed * 0x9e3779b9) | 1
  return () => {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    return ((x >>> 0) + 1) / 2 ** 32
  }
}

export const exponential = (random: () => number, mean: number): number => -Math.log(random()) * mean

export function simulate(spec: QueueingSpec): QueueingResult {
  const { endpoints: n, requests, rate, seed, warmUp = 0, workers = 1 } = spec
  const state = manualState(seed, START)
  const peak = spec.policy === 'peak-ewma'
  const members = admitAll(
    state,
    Array.from({ length: n }, (_, i) => endpoint(`e${i}`)),
    0,
    peak,
  )
  for (const { slot } of members) {
    if (spec.options?.decayMs !== undefined) state.setFloat(slot, SLOT.DECAY_MS, spec.options.decayMs)
    state.setLatency(slot, spec.options?.firstRttMs ?? 30)
  }
  const policy = open(state, spec.policy, spec.options)
  const picker = policy.picker(viewOf(state, members))
  const indexOf = new Map(members.map(({ slot }, i) => [slot, i]))
  const random = generator(seed + 1)
  const latencies = new Float64Array(requests - warmUp)
  const counts = new Array<number>(n).fill(0)
  const inFlight = new Int32Array(n)
  const freeAt = new Float64Array(n)
  const tail = new Float64Array(TAILS)
  const ends = new Heap()
  let now = START
  for (let i = 0; i < requests; i++) {
    now += spec.paced ? 1 / rate : exponential(random, 1 / rate)
    while (ends.size > 0 && ends.time <= now) {
      const { time, endpoint: ended, began } = ends
      ends.pop()
      setNow(state, time)
      inFlight[ended]--
      state.core.end(members[ended].slot, began, OUTCOME.SUCCEEDED, time - began)
      policy.answered?.(members[ended].slot, began, time - began, true)
      policy.ended?.(members[ended].slot, began)
    }
    setNow(state, now)
    const chosen = indexOf.get(picker({})) as number
    if (i >= warmUp) {
      // Seen by one endpoint in turn: Poisson arrivals see time averages.
      const seen = Math.min(inFlight[i % n], TAILS - 1)
      for (let length = 0; length <= seen; length++) tail[length]++
      counts[chosen]++
    }
    inFlight[chosen]++
    const queued = workers === 1 ? freeAt[chosen] : 0
    const begin = Math.max(now, queued)
    const end = begin + spec.service(random, chosen, begin)
    freeAt[chosen] = end
    ends.push(end, chosen, now)
    if (i >= warmUp) latencies[i - warmUp] = end - now
  }
  return { latencies, counts, tail: Array.from(tail, (seen) => seen / (requests - warmUp)) }
}

export const meanOf = (values: Float64Array): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

export const quantileOf = (values: Float64Array, q: number): number =>
  values.slice().sort()[Math.floor(q * values.length)]

export const shareWithin = (values: Float64Array, limit: number): number =>
  values.reduce((count, value) => count + (value <= limit ? 1 : 0), 0) / values.length

/** Binary heap of ends by time, in typed arrays: there are millions of them. */
class Heap {
  size = 0
  #times = new Float64Array(1 << 12)
  #began = new Float64Array(1 << 12)
  #endpoints = new Int32Array(1 << 12)

  get time(): number {
    return this.#times[0]
  }

  get endpoint(): number {
    return this.#endpoints[0]
  }

  get began(): number {
    return this.#began[0]
  }

  push(time: number, endpoint: number, began: number): void {
    if (this.size === this.#times.length) this.#grow()
    let at = this.size++
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (this.#times[parent] <= time) break
      this.#move(parent, at)
      at = parent
    }
    this.#put(at, time, endpoint, began)
  }

  pop(): void {
    const last = --this.size
    const [time, endpoint, began] = [this.#times[last], this.#endpoints[last], this.#began[last]]
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= last) break
      if (child + 1 < last && this.#times[child + 1] < this.#times[child]) child++
      if (this.#times[child] >= time) break
      this.#move(child, at)
      at = child
    }
    this.#put(at, time, endpoint, began)
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#times[from], this.#endpoints[from], this.#began[from])
  }

  #put(at: number, time: number, endpoint: number, began: number): void {
    this.#times[at] = time
    this.#endpoints[at] = endpoint
    this.#began[at] = began
  }

  #grow(): void {
    const twice = <T extends Float64Array | Int32Array>(old: T, fresh: T): T => {
      fresh.set(old)
      return fresh
    }
    const length = 2 * this.#times.length
    this.#times = twice(this.#times, new Float64Array(length))
    this.#began = twice(this.#began, new Float64Array(length))
    this.#endpoints = twice(this.#endpoints, new Int32Array(length))
  }
}
