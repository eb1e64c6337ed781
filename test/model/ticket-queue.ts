/**
 * What a few threads do with a queue, what each may see of it, and what must be left of it.
 *
 * A call begins with its first access to what others can see, so a bound that holds at some moment of it is as tight as it
 * can be without looking into the queue.
 */
import { QUEUE_HEADER } from '../../lib/queue/layout.js'
import { createQueueMemory, type TicketMemory } from '../../lib/queue/memory.js'
import type { Scenario } from './explore.js'
import type { Machine, Program, Sources, Thread } from './machine.js'

/** One call of a thread. `push`: so many tickets at once. */
export type Call =
  | { readonly push: number }
  | { readonly pop: number }
  | { readonly popWait: number; readonly timeoutMs?: number }
  | 'flush'
  | 'leave'
  | 'reap'
  | 'close'

export interface Plan {
  readonly capacity: number
  /** Position at which the lanes start: a multiple of 256. */
  readonly start?: number
  /** What threads have done before, one after the other; their calls go on from there. */
  readonly before?: readonly { readonly thread: number; readonly call: Call }[]
  readonly threads: readonly (readonly Call[])[]
  readonly victim?: number
  /** See `Scenario`. */
  readonly preemptions?: number
  /** Leave so many blocks that were never used. */
  readonly unusedBlocks?: number
}

/** Tickets tell their producer and their turn. */
const TURNS = 1000
const producerOf = (ticket: number): number => Math.floor(ticket / TURNS)

/** What a thread has done up to now, as seen from outside. */
class Record {
  /** Tickets that it has begun to push, has pushed, has surely published. */
  begun = 0
  pushed = 0
  published = 0
  /** While it pops: the most that it may have popped already. */
  popping = 0
  readonly popped: number[] = []
  /** While it pushes: the most tickets that may have been in the queue at some moment. */
  fullest = 0
  /** While it pops: the producers that may have had nothing to read at some moment, a bit for each. */
  empty = 0
}

const demand = (holds: boolean, what: string): void => {
  if (!holds) throw new Error(what)
}

export class TicketQueueScenario implements Scenario {
  readonly victim: number | undefined
  readonly preemptions: number | undefined
  readonly #plan: Plan
  readonly #memory: TicketMemory
  #records: Record[] = []
  #threads: readonly Thread[] = []

  constructor(plan: Plan) {
    this.#plan = plan
    this.victim = plan.victim
    this.preemptions = plan.preemptions
    this.#memory = createQueueMemory(plan.capacity, 'fallback', plan.start)
  }

  setUp(machine: Machine): void {
    machine.share(this.#memory.words.buffer)
  }

  programs(threads: readonly Thread[]): Program[] {
    this.#threads = threads
    this.#records = threads.map(() => new Record())
    const ports = threads.map(({ sources }) => this.#portOf(sources))
    for (const { thread, call } of this.#plan.before ?? []) run(this.#call(thread + 1, ports[thread], call))
    const { unusedBlocks } = this.#plan
    if (unusedBlocks !== undefined)
      this.#memory.words[QUEUE_HEADER.FIRST_UNUSED] = this.#memory.blocks - unusedBlocks
    return this.#plan.threads.map((calls, i) => this.#program(threads[i], ports[i], calls))
  }

  remembered(): string {
    return this.#records
      .map(
        (one) =>
          `${one.begun},${one.pushed},${one.published},${one.popping},${one.fullest},${one.empty},${one.popped}`,
      )
      .join(';')
  }

  *#program(thread: Thread, port: Sources, calls: readonly Call[]): Program {
    // The flush is that of the turn's end.
    for (const [number, call] of [...calls, 'flush' as const].entries()) {
      thread.keep(
        `${number} ${fieldsOf(port)} ${fieldsOf(port.lanes)} ${fieldsOf(port._owned)} ${this.#records[thread.id - 1].popped}`,
      )
      yield* this.#call(thread.id, port, call)
    }
  }

  *#call(id: number, port: Sources, call: Call): Program {
    const record = this.#records[id - 1]
    if (typeof call === 'object')
      return yield* 'push' in call ? this.#push(id, port, record, call.push) : this.#pop(port, record, call)
    yield* port[call]()
    if (call === 'reap') return
    record.published = record.pushed
    this.#looked()
  }

  *#push(id: number, port: Sources, record: Record, count: number): Program {
    const tickets = Uint32Array.from({ length: count }, (_, i) => id * TURNS + record.pushed + i)
    yield
    record.begun = record.pushed + count
    record.fullest = 0
    this.#looked()
    const accepted = count === 1 ? Number(yield* port.push(tickets[0])) : yield* port.pushMany(tickets)
    // Its own that were refused were never in the queue.
    if (accepted < count)
      demand(
        record.fullest - (count - accepted) >= this.#plan.capacity,
        `a push of thread ${id} was refused although there was room all the time`,
      )
    record.pushed += accepted
    record.begun = record.pushed
    // A push that is refused publishes.
    if (accepted < count) record.published = record.pushed
    this.#looked()
  }

  *#pop(
    port: Sources,
    record: Record,
    call: { pop: number } | { popWait: number; timeoutMs?: number },
  ): Program {
    const most = 'pop' in call ? call.pop : call.popWait
    const into = new Uint32Array(most)
    yield
    record.popping = most
    record.empty = 0
    this.#looked()
    const count = yield* 'pop' in call
      ? port.popMany(into)
      : port.popWait(into, call.timeoutMs ?? Number.POSITIVE_INFINITY)
    record.popping = 0
    record.popped.push(...into.subarray(0, count))
    // A pop flushes what its own thread has pushed.
    record.published = record.pushed
    if (count === 0 && 'pop' in call)
      demand(
        record.empty === (1 << this.#records.length) - 1,
        'a pop found nothing although there was something all the time',
      )
    this.#looked()
  }

  /** Something has changed that others may have seen: bounds of what is in the queue now. */
  #looked(): void {
    const records = this.#records
    const popped = records.reduce((sum, one) => sum + one.popped.length, 0)
    const popping = records.reduce((sum, one) => sum + one.popping, 0)
    // Of a killed thread only what it had published stays.
    const surely = records.reduce(
      (sum, one, i) => sum + (this.#threads[i].isKilled ? one.published : one.pushed),
      0,
    )
    const perhaps = records.reduce((sum, one) => sum + one.begun, 0)
    demand(
      surely - popped - popping <= this.#plan.capacity,
      'there are more tickets in the queue than it has capacity for',
    )
    for (const one of records) {
      one.fullest = Math.max(one.fullest, perhaps - popped)
      for (const [producer, { published }] of records.entries()) {
        const read = records.reduce(
          (sum, { popped }) => sum + popped.filter((ticket) => producerOf(ticket) === producer + 1).length,
          0,
        )
        const byOthers = popping - one.popping
        if (published - read - byOthers <= 0) one.empty |= 1 << producer
      }
    }
  }

  check(last: Thread, threads: readonly Thread[]): void {
    const port = this.#portOf(last.sources)
    const { capacity } = this.#plan
    // Every thread that lives is told of an end.
    if (threads.some(({ isKilled }) => isKilled)) run(port.reap())
    const asleep = threads.filter(({ sleepsOn }) => sleepsOn >= 0).map(({ id }) => id)
    const all = new Uint32Array(capacity + TURNS)
    const left = [...all.subarray(0, run(port.popMany(all)))]
    demand(
      asleep.length === 0 || left.length === 0,
      `thread ${asleep} sleeps although there is something to read`,
    )
    this.#checkTickets(threads, left)
    if (this.#memory.words[QUEUE_HEADER.CLOSED] !== 0) {
      demand(asleep.length === 0, `thread ${asleep} sleeps although the queue has ended`)
      return
    }
    // Exactly the capacity, whatever was lost.
    const full = run(port.pushMany(new Uint32Array(capacity + 1)))
    demand(full === capacity, `the queue takes ${full} tickets instead of ${capacity} in the end`)
    demand(
      run(port.popMany(new Uint32Array(capacity + 1))) === capacity,
      'the queue gives less than it took in the end',
    )
  }

  /** Nothing twice, nothing lost, each producer's in its order. */
  #checkTickets(threads: readonly Thread[], left: readonly number[]): void {
    const lists = [...this.#records.map(({ popped }) => popped), left]
    const seen = new Set<number>()
    for (const list of lists) {
      const latest = new Map<number, number>()
      for (const ticket of list) {
        demand(!seen.has(ticket), `ticket ${ticket} came twice`)
        seen.add(ticket)
        const producer = producerOf(ticket)
        demand(ticket > (latest.get(producer) ?? -1), `ticket ${ticket} came after ${latest.get(producer)}`)
        latest.set(producer, ticket)
        demand(
          ticket % TURNS < (this.#records[producer - 1]?.begun ?? 0),
          `ticket ${ticket} was never pushed`,
        )
      }
    }
    // A killed consumer takes along what it was about to be given.
    const gone = threads.reduce(
      (sum, { isKilled, id }) => sum + (isKilled ? this.#records[id - 1].popping : 0),
      0,
    )
    let missing = 0
    for (const { id, isKilled } of threads) {
      const { published, pushed } = this.#records[id - 1]
      for (let turn = 0; turn < (isKilled ? published : pushed); turn++) {
        if (!seen.has(id * TURNS + turn)) missing++
      }
    }
    demand(missing <= gone, `${missing} tickets are lost`)
  }

  #portOf({ TicketPort, FallbackLanes, TicketMemory }: Sources): Sources {
    return new TicketPort(
      new FallbackLanes(new TicketMemory(this.#memory.words.buffer, this.#memory.geometry)),
    )
  }
}

/** The plain values among an object's fields. */
const fieldsOf = (of: object): string =>
  Object.values(of)
    .filter((value) => typeof value === 'number' || typeof value === 'boolean')
    .join()

/** Runs a call to its end, with nobody else around. */
// biome-ignore lint/suspicious/noExplicitAny: what the sources return
export function run(call: Generator<void, unknown, void>): any {
  for (;;) {
    const { done, value } = call.next()
    if (done) return value as never
  }
}
