/** What a few threads do with one line of waiting requests, what must hold at every step, and what must be left of it. */
import { HEADER, ROOT_BYTES, SERVICE, TICKET, TICKET_STATE } from '../../lib/engine/layout.js'
import { NO_TICKET, stateOf, ticketWord, useOf } from '../../lib/engine/tickets.js'
import { type Scenario, Violation } from './explore.js'
import type { Machine, Program, Sources, Thread } from './machine.js'
import { run } from './ticket-queue.js'

/**
 * One call of a thread. `leave`, `take`: with its oldest ticket in line, which it gives up, or takes its place with if it was
 * granted one. `joinTier`: as `join`, another tier than 1. `clean`: gives up what a thread had that ended before (its number).
 */
export type Call =
  | 'join'
  | 'grant'
  | 'leave'
  | 'take'
  | { readonly joinTier: number }
  | { readonly clean: number }

export interface Plan {
  /** Tickets that there are. */
  readonly tickets: number
  /** What threads have done before, one after the other; their calls go on from there. */
  readonly before?: readonly { readonly thread: number; readonly call: Call }[]
  readonly threads: readonly (readonly Call[])[]
  readonly victim?: number
  /** Threads that have ended before, and that nobody has cleaned up after. They have no calls. */
  readonly ended?: readonly number[]
  /** See `Scenario`. */
  readonly preemptions?: number
}

/** What requests join that do not say so. */
const TIER = 1
const TICKS = 1
/** No plan makes half as many. */
const MOST_ACCESSES = 3_000

/** A request that waits, or did. */
interface Wait {
  readonly thread: number
  /** Waits that had joined before this one began to. */
  readonly after: readonly Wait[]
  readonly ticket: number
  readonly use: number
  readonly tier: number
  joined: boolean
  left: boolean
  /** It has its place; `taking`: it is about to, if it was granted one. */
  taken: boolean
  taking: boolean
}

const demand = (holds: boolean, what: string): void => {
  if (!holds) throw new Violation(what)
}

/** One thread's access. */
class Access {
  readonly state: Sources
  readonly pool: Sources
  readonly lines: Sources
  /** Its waits whose tickets it has not given back. */
  readonly own: Wait[] = []

  constructor(
    readonly id: number,
    readonly sources: Sources,
    { root, words, tickets }: Memory,
  ) {
    const token = tokenOf(id)
    this.lines = new sources.AtomicsLines(root, id, tickets, () => ({ words, at: 0 }))
    // Constructors cannot pause; and whom a grant calls is not the matter here.
    this.lines._ownToken = token
    this.lines._calls = { call() {} }
    this.state = {
      root,
      tickets,
      token,
      lines: this.lines,
      servicesUsed: 1,
      followGrowth() {},
      serviceWords: () => words,
      serviceField: (_service: number, field: number) => field,
    }
    this.pool = new sources.TicketPool(this.state)
  }

  toString(): string {
    const { _free, _resting } = this.pool
    return `${_free};${_resting};${this.own.map(({ ticket }) => ticket)}`
  }
}

const tokenOf = (id: number): number => (1 << 8) | id

interface Memory {
  readonly root: Int32Array
  readonly words: Int32Array
  readonly tickets: Int32Array
}

const memoryOf = (words: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * words))

export class LinesScenario implements Scenario {
  readonly victim: number | undefined
  readonly preemptions: number | undefined
  readonly #plan: Plan
  readonly #memory: Memory
  #threads: readonly Thread[] = []
  #all: readonly Access[] = []
  #waits: Wait[] = []
  /** Grants that calls have returned, and that a killed thread may have made. */
  #grants = 0
  #granting: boolean[] = []

  constructor(plan: Plan) {
    this.#plan = plan
    this.victim = plan.victim
    this.preemptions = plan.preemptions
    this.#memory = {
      root: memoryOf(ROOT_BYTES(8) / 4),
      words: memoryOf(SERVICE.WORDS),
      tickets: memoryOf(plan.tickets * TICKET.WORDS),
    }
  }

  setUp(machine: Machine): void {
    machine.mostAccesses = MOST_ACCESSES
    for (const { buffer } of Object.values(this.#memory) as Int32Array<SharedArrayBuffer>[])
      machine.share(buffer)
  }

  programs(threads: readonly Thread[]): Program[] {
    this.#threads = threads
    this.#waits = []
    this.#grants = 0
    this.#granting = threads.map(() => false)
    this.#all = threads.map(({ id, sources }) => new Access(id, sources, this.#memory))
    for (const { thread, call } of this.#plan.before ?? []) run(this.#call(this.#all[thread], call))
    return this.#plan.threads.map((calls, i) => this.#program(threads[i], this.#all[i], calls))
  }

  *#program(thread: Thread, access: Access, calls: readonly Call[]): Program {
    for (const [number, call] of calls.entries()) {
      thread.keep(`${number} ${access}`)
      yield* this.#call(access, call)
    }
    thread.keep(`${access}`)
  }

  remembered(): string {
    this.#checkOrder()
    const waits = this.#waits.map(
      (one) =>
        `${one.thread},${one.ticket},${one.use},${one.joined},${one.left},${one.taken},${one.taking},${one.after.length}`,
    )
    return `${waits.join(';')} ${this.#grants} ${this.#granting}`
  }

  *#call(access: Access, call: Call): Program {
    if (typeof call === 'object' && 'clean' in call)
      return yield* access.sources.releaseWaits(access.state, call.clean + 1, tokenOf(call.clean + 1))
    if (typeof call === 'object') yield* this.#join(access, call.joinTier)
    else if (call === 'join') yield* this.#join(access)
    else if (call === 'grant') yield* this.#grant(access)
    else yield* this.#end(access, call)
  }

  *#join(access: Access, tier = TIER): Program {
    const { lines, pool, sources } = access
    const { tickets } = this.#memory
    yield
    const after = this.#waits.filter((one) => one.joined && one.tier === tier)
    yield* sources.openLine(lines, pool, 0, tier)
    const ticket = yield* pool.take()
    if (ticket === NO_TICKET) return
    tickets[ticketWord(ticket) + TICKET.BOUND] = 0
    const use = useOf(tickets[ticketWord(ticket) + TICKET.STATE]) + 1
    const wait: Wait = {
      thread: access.id,
      after,
      ticket,
      use,
      tier,
      joined: false,
      left: false,
      taken: false,
      taking: false,
    }
    this.#waits.push(wait)
    access.own.push(wait)
    demand(yield* lines.join(0, tier, ticket), 'a line has no room')
    wait.joined = true
  }

  *#grant({ id, lines }: Access): Program {
    this.#granting[id - 1] = true
    const ticket = yield* lines.grantNext(0, TICKS)
    this.#granting[id - 1] = false
    if (ticket !== NO_TICKET) this.#grants++
  }

  *#end(access: Access, how: 'leave' | 'take'): Program {
    const { sources, pool, own } = access
    const { tickets, words } = this.#memory
    const [wait] = own
    if (wait === undefined) return
    if (how === 'leave') {
      wait.left = true
      const left = yield* sources.exchange(tickets, wait.ticket, TICKET_STATE.WAITING, TICKET_STATE.LEFT)
      if (!left) {
        wait.left = false
        wait.taking = true
        demand(
          yield* sources.takeGranted(tickets, words, wait.ticket),
          'it neither left nor was granted a place',
        )
      }
    } else {
      wait.taking = true
      if (!(yield* sources.takeGranted(tickets, words, wait.ticket))) {
        wait.taking = false
        return
      }
    }
    wait.taken = wait.taking
    own.shift()
    yield* pool.give(wait.ticket)
  }

  /** What the ticket is in this use of it; undefined: it is in another one. */
  #stateOf({ ticket, use }: Wait): number | undefined {
    const word = this.#memory.tickets[ticketWord(ticket) + TICKET.STATE]
    return useOf(word) === use ? stateOf(word) : undefined
  }

  #isGranted = (wait: Wait): boolean => wait.taken || this.#stateOf(wait) === TICKET_STATE.GRANTED

  /** Who had joined before another one began to is not waiting while that has a place. */
  #checkOrder(): void {
    for (const wait of this.#waits) {
      if (wait.after.length === 0 || this.#stateOf(wait) !== TICKET_STATE.GRANTED) continue
      for (const one of wait.after)
        demand(
          this.#stateOf(one) !== TICKET_STATE.WAITING,
          `ticket ${wait.ticket} was granted a place before ticket ${one.ticket}`,
        )
    }
  }

  check(last: Thread, threads: readonly Thread[]): void {
    this.#checkOrder()
    const { words, tickets, root } = this.#memory
    const access = new Access(last.id, last.sources, this.#memory)
    const killed = threads.filter(({ isKilled }) => isKilled)
    this.#checkGrants(killed)
    const gone = [...killed.map(({ id }) => id - 1), ...(this.#plan.ended ?? [])]
    for (const thread of gone) run(access.sources.releaseWaits(access.state, thread + 1, tokenOf(thread + 1)))
    const isGone = (wait: Wait): boolean => gone.includes(wait.thread - 1)
    const outstanding = this.#waits.filter(
      (one) => !isGone(one) && !one.taken && this.#stateOf(one) === TICKET_STATE.GRANTED,
    )
    demand(
      words[SERVICE.GRANTED] <= outstanding.length,
      `${words[SERVICE.GRANTED]} are said to have been granted a place, and ${outstanding.length} were`,
    )
    demand(
      words[SERVICE.GRANTED] >= outstanding.length - 2 * gone.length,
      'fewer are said to have been granted a place than are',
    )
    this.#drain(access)
    for (const wait of this.#waits)
      if (wait.joined && !wait.left && !isGone(wait))
        demand(this.#isGranted(wait), `ticket ${wait.ticket} of thread ${wait.thread} was forgotten`)
    for (const wait of this.#waits)
      if (isGone(wait))
        demand(
          this.#stateOf(wait) !== TICKET_STATE.GRANTED && this.#stateOf(wait) !== TICKET_STATE.WAITING,
          `ticket ${wait.ticket} of a thread that has ended is in state ${this.#stateOf(wait)}`,
        )
    // The line works as it did.
    for (let i = 0; i < 3; i++) {
      const before = root[HEADER.TICKETS_USED]
      run(this.#join(access))
      const { ticket } = access.own[0]
      demand(run(access.lines.grantNext(0, TICKS)) === ticket, 'the next one in line is not the next one')
      run(this.#end(access, 'take'))
      if (i === 2) demand(root[HEADER.TICKETS_USED] === before, 'tickets are not used again')
    }
    demand(run(access.lines.lengthOf(0, TIER)) === 0, 'the empty line has a length')
    // Nothing of what is not at its head is in it.
    let inLine = 0
    for (let ticket = 0; ticket < this.#plan.tickets; ticket++)
      if (tickets[ticketWord(ticket) + TICKET.OWNER] !== 0 && run(access.lines.isInLine(ticket))) inLine++
    const heads = new Set([TIER, ...this.#waits.map(({ tier }) => tier)]).size
    demand(inLine <= heads + killed.length, `${inLine} tickets are said to be in an empty line`)
    for (const one of this.#all) if (!gone.includes(one.id - 1)) this.#checkPool(one)
  }

  /** Grants all that wait: by tier, and in order. */
  #drain({ lines }: Access): void {
    let tier = 0
    for (;;) {
      const before = new Set(this.#waits.filter(this.#isGranted))
      if (run(lines.grantNext(0, TICKS)) === NO_TICKET) return
      const [next, ...more] = this.#waits.filter((one) => this.#isGranted(one) && !before.has(one))
      demand(next !== undefined && more.length === 0, `a grant has granted ${more.length + 1} tickets`)
      demand(next.tier >= tier, `a ticket of tier ${next.tier} came after one of tier ${tier}`)
      tier = next.tier
      this.#checkOrder()
    }
  }

  /** Each ticket of a thread is in use, or at hand for the next one. */
  #checkPool({ id, pool, own }: Access): void {
    const { tickets } = this.#memory
    const kept = pool._free.length + pool._resting.length + own.length
    let owned = 0
    for (let ticket = 0; ticket < this.#plan.tickets; ticket++)
      if (tickets[ticketWord(ticket) + TICKET.OWNER] === tokenOf(id)) owned++
    demand(kept === owned, `thread ${id} knows of ${kept} of its ${owned} tickets`)
  }

  #checkGrants(killed: readonly Thread[]): void {
    const granted = this.#waits.filter(
      (one) => this.#isGranted(one) || (one.taking && this.#threads[one.thread - 1].isKilled),
    ).length
    const perhaps = killed.filter(({ id }) => this.#granting[id - 1]).length
    // Of a thread that has ended nobody knows any more.
    if (this.#plan.ended === undefined)
      demand(
        granted >= this.#grants && granted <= this.#grants + perhaps,
        `${this.#grants} grants were made, and ${granted} tickets have one`,
      )
  }
}
