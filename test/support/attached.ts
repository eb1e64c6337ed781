/** Threads that are attached to a balancer of the test's own. They are gone after the test. */
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { onTestFinished } from 'vitest'
import { SLOT } from '../../lib/engine/layout.js'
import { Balancer } from '../../lib/index.js'
import type { BalancerConfig, ServiceConfig } from '../../lib/model/index.js'
import type { BalancerHandle } from '../../lib/shared/handle.js'

interface Reply {
  readonly id: number
  readonly value?: unknown
  readonly error?: { name: string; code?: string; message: string }
}

export class AttachedThread {
  readonly worker: Worker
  readonly #ready: Promise<unknown>
  readonly #open = new Map<number, { resolve: (value: never) => void; reject: (error: unknown) => void }>()
  #last = 0

  /** Attaches by a handle, or makes a balancer of its own; another worker is told what it understands. */
  constructor(
    source: { handle: BalancerHandle } | { config: BalancerConfig } | object,
    worker = new URL('./attached.worker.mjs', import.meta.url),
  ) {
    this.worker = new Worker(worker, {
      workerData: source,
      execArgv: [],
      stderr: true,
    })
    this.#ready = once(this.worker, 'message')
    this.worker.on('message', ({ id, value, error }: Reply) => {
      const waiting = this.#open.get(id)
      this.#open.delete(id)
      if (error === undefined) waiting?.resolve(value as never)
      else waiting?.reject(Object.assign(new Error(error.message), error))
    })
    this.worker.on('error', (error) => {
      for (const { reject } of this.#open.values()) reject(error)
    })
  }

  async ready(): Promise<this> {
    await this.#ready
    return this
  }

  /** A job of attached.worker.mjs. */
  do<T = unknown>(job: string, ...args: unknown[]): Promise<T> {
    const id = ++this.#last
    const answer = new Promise<T>((resolve, reject) =>
      this.#open.set(id, { resolve: resolve as never, reject }),
    )
    this.worker.postMessage({ id, job, args })
    return answer
  }

  async terminate(): Promise<void> {
    await this.worker.terminate()
  }
}

export const URLS = ['http://a.test', 'http://b.test', 'http://c.test', 'http://d.test']

export const configOf = (
  service: Partial<ServiceConfig> = {},
  rest: Partial<BalancerConfig> = {},
): BalancerConfig => ({
  services: { users: { endpoints: URLS, policy: 'round-robin', ...service } },
  ...rest,
})

/** A balancer that is stopped after the test. */
export function ownBalancer(config: BalancerConfig = configOf()): Balancer {
  const balancer = new Balancer(config)
  onTestFinished(() => balancer.stop({ drainMs: 0 }))
  return balancer
}

/** Threads attached to it, ready to be asked. */
export async function attach(
  { handle }: { handle: BalancerHandle },
  count: number,
): Promise<AttachedThread[]> {
  const threads = Array.from({ length: count }, () => new AttachedThread({ handle }))
  onTestFinished(async () => {
    await Promise.all(threads.map((thread) => thread.terminate()))
  })
  return Promise.all(threads.map((thread) => thread.ready()))
}

/** A thread that makes the balancer itself. */
export async function owningThread(config: BalancerConfig): Promise<AttachedThread> {
  const thread = new AttachedThread({ config })
  onTestFinished(() => thread.terminate())
  return thread.ready()
}

/** Slots in use, of all endpoints, of those that are leaving and of one a service. */
export function slotsInUse({ segments }: BalancerHandle): number {
  let used = 0
  for (const { cells } of segments) {
    const words = new Int32Array(cells)
    for (let at = SLOT.GENERATION; at < words.length; at += SLOT.WORDS) used += words[at] & 1
  }
  return used
}

/** Waits for what another thread's end, or a message, brings about. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let waited = 0; !(await condition()); waited += 5) {
    if (waited > 10_000) throw new Error('ten seconds have passed in vain')
    await sleep(5)
  }
}
