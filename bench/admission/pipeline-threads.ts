/**
 * A request's way through a queue and a processing loop: one thread pushes it, the loop of a second one pops it and hands it on
 * to a third, as to an endpoint. Both loops sleep while there is nothing.
 */
import type { Case } from '../harness/case.js'
import type { ThreadWork } from '../harness/thread-work.js'
import { Threads } from '../harness/threads.js'
import { sumOf } from '../queue/flow.js'
import type { Pipe } from './pipe/pipe.js'

export interface Parameters {
  /** Module in `pipe/` that exports `pipe`. */
  readonly pipe: string
  /** Requests that are pushed at once; 1: one by one. */
  readonly batch: number
}

interface ThreadParameters extends Parameters {
  readonly role: 'push' | 'loop' | 'serve'
  readonly end: unknown
}

const NS_PER_MS = 1e6
const FIRST_REQUESTS = 8_192
/** Where nothing holds the sender back all of a slice may be on the way at once. */
const MOST_REQUESTS = 4_194_304

const load = async ({ pipe }: Parameters): Promise<Pipe> => {
  const module = (await import(`./pipe/${pipe}.js`)) as { pipe: Pipe }
  return module.pipe
}

export async function prepare(parameters: Parameters): Promise<Case> {
  const { ends, transfer } = (await load(parameters)).create()
  const roles = ['push', 'loop', 'serve'] as const
  const threads = await Threads.start(
    import.meta.url,
    roles.map((role, i): ThreadParameters => ({ ...parameters, role, end: ends[i] })),
    transfer,
  )
  let requests = wholeBatches(FIRST_REQUESTS, parameters.batch)
  return {
    /** @param input ms that the slice is to take, about */
    async slice(input) {
      const { ns, cpuNs, samples } = await threads.slice([requests, requests, requests])
      if (samples[2]['sum'] !== sumOf(0, requests))
        throw new Error(`${parameters.pipe}: other requests came out than went in`)
      const perSecond = (requests * 1e9) / ns
      const cpu = cpuNs / requests
      requests = wholeBatches((requests * (input as number) * NS_PER_MS) / ns, parameters.batch)
      return { perSecond, ns: 1e9 / perSecond, cpu }
    },
    close: () => threads.close(),
  }
}

export async function prepareThread(parameters: ThreadParameters): Promise<ThreadWork> {
  const { role, end, batch } = parameters
  const pipe = await load(parameters)
  if (role === 'serve') {
    const serve = pipe.server(end)
    return { slice: async (requests) => ({ sum: await serve(requests as number) }) }
  }
  const pass = role === 'push' ? pipe.producer(end, batch) : pipe.loop(end)
  return {
    async slice(requests) {
      await pass(requests as number)
      return {}
    },
  }
}

const wholeBatches = (requests: number, batch: number): number =>
  Math.max(1, Math.min(Math.round(requests / batch), Math.floor(MOST_REQUESTS / batch))) * batch
