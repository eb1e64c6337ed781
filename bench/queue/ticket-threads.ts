/** Numbers from producer threads to consumer threads, through the queue that is asked for. */
import type { Case } from '../harness/case.js'
import type { ThreadWork } from '../harness/thread-work.js'
import { Threads } from '../harness/threads.js'
import { consume, POPPED, produce, sumOf } from './flow.js'
import type { Create, Open, TransportName } from './transport/transport.js'

export interface Parameters {
  readonly transport: TransportName
  readonly batch: number
  readonly producers: number
  /** 0: the producer, then the only one, pops what it has pushed after each batch. */
  readonly consumers: number
}

interface ThreadParameters {
  readonly role: 'produce' | 'consume' | 'both'
  readonly transport: TransportName
  readonly batch: number
  readonly queue: unknown
  readonly shared: Int32Array<SharedArrayBuffer>
}

/** Numbers for a producer, or how many there are in all for a consumer. */
interface Portion {
  readonly first: number
  readonly items: number
}

/** Numbers taken out at once. */
const ROOM = 1_024
const NS_PER_MS = 1e6
const FIRST_ITEMS = 65_536

const load = (transport: TransportName): Promise<{ create: Create; open: Open }> =>
  import(`./transport/${transport}.js`)

export async function prepare({ transport, batch, producers, consumers }: Parameters): Promise<Case> {
  const { create } = await load(transport)
  const queue = create()
  const shared = new Int32Array(new SharedArrayBuffer(4))
  const thread = (role: ThreadParameters['role']): ThreadParameters => {
    return { role, transport, batch, queue, shared }
  }
  const threads = await Threads.start(import.meta.url, [
    ...Array.from({ length: producers }, () => thread(consumers === 0 ? 'both' : 'produce')),
    ...Array.from({ length: consumers }, () => thread('consume')),
  ])
  let each = wholeBatches(FIRST_ITEMS / producers, batch)
  return {
    /** @param input ms that the slice is to take, about */
    async slice(input) {
      Atomics.store(shared, POPPED, 0)
      const items = each * producers
      const portions = Array.from(
        { length: producers },
        (_, i): Portion => ({ first: i * each, items: each }),
      )
      const all = Array.from({ length: consumers }, (): Portion => ({ first: 0, items }))
      const { ns, cpuNs, samples } = await threads.slice([...portions, ...all])
      const sum = samples.reduce((total, sample) => (total + sample['sum']) | 0, 0)
      if (sum !== sumOf(0, items)) throw new Error(`${items} items went in, and something else came out`)
      each = wholeBatches((each * (input as number) * NS_PER_MS) / ns, batch)
      return { perSecond: (items * 1e9) / ns, ns: ns / items, cpuNs: cpuNs / items }
    },
    close: () => threads.close(),
  }
}

export async function prepareThread(parameters: ThreadParameters): Promise<ThreadWork> {
  const { role, transport, batch, queue, shared } = parameters
  const { open } = await load(transport)
  const end = open(queue, batch, role === 'both' ? batch : ROOM)
  return {
    slice(input) {
      const { first, items } = input as Portion
      if (role === 'consume') return { sum: consume(end, shared, items) }
      if (role === 'both') return { sum: cycle(end, first, items) }
      produce(end, first, items)
      return { sum: 0 }
    },
  }
}

/** One thread: a batch in, a batch out. */
function cycle({ outgoing, incoming, push, pop }: Awaited<ReturnType<Open>>, first: number, items: number) {
  const batch = outgoing.length
  let sum = 0
  for (let next = first; next < first + items; next += batch) {
    for (let i = 0; i < batch; i++) outgoing[i] = next + i
    push(0)
    const count = pop()
    for (let i = 0; i < count; i++) sum = (sum + incoming[i]) | 0
  }
  return sum
}

const wholeBatches = (items: number, batch: number): number =>
  Math.max(1, Math.min(Math.round(items / batch), Math.floor(2 ** 31 / batch))) * batch
