/**
 * One-way latency from the moment when one thread decides to wake another to the moment when that one runs. Both read
 * the one monotonic clock of the machine.
 */
import type { Case, Sample } from '../harness/case.js'
import { percentile } from '../harness/statistics.js'
import type { ThreadWork } from '../harness/thread-work.js'
import { Threads } from '../harness/threads.js'
import type { Way } from './way.js'

export interface Parameters {
  /** Module in this folder that exports `way`, and which of its variants. */
  readonly way: string
  readonly variant?: string
}

interface ThreadParameters extends Parameters {
  readonly role: 'sleep' | 'wake'
  readonly end: unknown
  readonly shared: SharedArrayBuffer
}

/** One slice. */
export interface Wakes {
  readonly count: number
  /** The sleeper is left asleep for a while before it is woken; else it is woken as soon as it can be. */
  readonly idle: boolean
}

/** Words: rounds for which the sleeper is ready; doubles: when it was woken, ns. */
const READY = 0
const SENT = 1
const SHARED_BYTES = 16
/** The sleeper is given this long to fall asleep, and a chance part more, so that no timer beats in step with it. */
const IDLE_MS = 1
const SPREAD_MS = 1
const NS_PER_US = 1e3

async function load({ way, variant }: Parameters): Promise<Way> {
  const module = (await import(`./${way}.js`)) as { way: (variant: string | undefined) => Way }
  return module.way(variant)
}

export async function prepare(parameters: Parameters): Promise<Case> {
  const ends = (await load(parameters)).create()
  const shared = new SharedArrayBuffer(SHARED_BYTES)
  const thread = (role: ThreadParameters['role'], end: unknown): ThreadParameters => {
    return { ...parameters, role, end, shared }
  }
  const threads = await Threads.start(
    import.meta.url,
    [thread('sleep', ends.sleeper), thread('wake', ends.waker)],
    ends.transfer,
  )
  return {
    /** @param wakes as `Wakes` says */
    async slice(wakes) {
      const { samples, ns, cpuNs } = await threads.slice([wakes, wakes])
      return { ...samples[0], cpuPercent: (100 * cpuNs) / ns }
    },
    close: () => threads.close(),
  }
}

export async function prepareThread(parameters: ThreadParameters): Promise<ThreadWork> {
  const { role, end, shared } = parameters
  const way = await load(parameters)
  const words = new Int32Array(shared)
  const doubles = new Float64Array(shared)
  return role === 'sleep'
    ? sleepers(await way.sleeper(end), words, doubles)
    : wakers(await way.waker(end), words, doubles)
}

function sleepers(
  sleeper: Awaited<ReturnType<Way['sleeper']>>,
  words: Int32Array,
  doubles: Float64Array,
): ThreadWork {
  const ready = (): void => {
    Atomics.add(words, READY, 1)
    Atomics.notify(words, READY)
  }
  return {
    async slice(input): Promise<Sample> {
      const us: number[] = []
      const woken = (): void => {
        us.push((now() - doubles[SENT]) / NS_PER_US)
      }
      await sleeper.sleep((input as Wakes).count, ready, woken)
      return { p50: percentile(us, 0.5), p99: percentile(us, 0.99), worst: Math.max(...us) }
    },
  }
}

function wakers(wake: () => void, words: Int32Array, doubles: Float64Array): ThreadWork {
  const nothing = new Int32Array(new SharedArrayBuffer(4))
  let round = 0
  return {
    slice(input) {
      const { count, idle } = input as Wakes
      for (let i = 0; i < count; i++) {
        Atomics.wait(words, READY, round)
        round++
        if (idle) Atomics.wait(nothing, 0, 0, IDLE_MS + Math.random() * SPREAD_MS)
        doubles[SENT] = now()
        wake()
      }
      return {}
    },
  }
}

/** ns, on the clock of all threads. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e9 + nanoseconds
}
