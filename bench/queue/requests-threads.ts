/** Requests of 64 bytes from one thread to another. */
import type { Case } from '../harness/case.js'
import type { ThreadWork } from '../harness/thread-work.js'
import { Threads } from '../harness/threads.js'
import type { Carrier } from './carrier/carrier.js'

export interface Parameters {
  /** Module in `carrier/` that exports `carrier`. */
  readonly carrier: string
  /** Requests handed over at once, where the carrier takes more than one. */
  readonly batch: number
}

interface ThreadParameters extends Parameters {
  readonly role: 'produce' | 'consume'
  readonly end: unknown
}

const NS_PER_MS = 1e6
const FIRST_REQUESTS = 8_192
/** Without flow control (postMessage) all of a slice may be on the way at once. */
const MOST_REQUESTS = 4_194_304

const load = async ({ carrier, batch }: Parameters): Promise<Carrier> => {
  const module = (await import(`./carrier/${carrier}.js`)) as { carrier: (batch: number) => Carrier }
  return module.carrier(batch)
}

export async function prepare(parameters: Parameters): Promise<Case> {
  const { create } = await load(parameters)
  const ends = create()
  const thread = (role: ThreadParameters['role'], end: unknown): ThreadParameters => {
    return { ...parameters, role, end }
  }
  const threads = await Threads.start(
    import.meta.url,
    [thread('produce', ends.producer), thread('consume', ends.consumer)],
    ends.transfer,
  )
  let requests = wholeBatches(FIRST_REQUESTS, parameters.batch)
  return {
    /** @param input ms that the slice is to take, about */
    async slice(input) {
      const { ns, samples } = await threads.slice([requests, requests])
      const expected = (requests * (requests - 1)) / 2
      if (samples[1]['sum'] !== expected)
        throw new Error(`${parameters.carrier}: other bytes came out than went in`)
      const perSecond = (requests * 1e9) / ns
      requests = wholeBatches((requests * (input as number) * NS_PER_MS) / ns, parameters.batch)
      return { perSecond }
    },
    close: () => threads.close(),
  }
}

export async function prepareThread(parameters: ThreadParameters): Promise<ThreadWork> {
  const { role, end } = parameters
  const carrier = await load(parameters)
  if (role === 'produce') {
    const produce = await carrier.producer(end)
    return {
      async slice(requests) {
        await produce(requests as number)
        return {}
      },
    }
  }
  const consume = await carrier.consumer(end)
  return { slice: async (requests) => ({ sum: await consume(requests as number) }) }
}

const wholeBatches = (requests: number, batch: number): number =>
  Math.max(1, Math.min(Math.round(requests / batch), Math.floor(MOST_REQUESTS / batch))) * batch
