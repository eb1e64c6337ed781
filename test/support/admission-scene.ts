/**
 * Threads' access to one admission queue of the fallback engine, all of it in this thread: with time that stands still, places
 * that are made up, and no calls from one to the other, so that all that is found is found by looking.
 */
import { AdmissionQueue } from '../../lib/admission/admission-queue.js'
import type { ThreadWaits } from '../../lib/admission/thread-waits.js'
import { releaseWaits, TicketPool } from '../../lib/admission/ticket-pool.js'
import type { Stay } from '../../lib/admission/waiter.js'
import { fallbackFactory } from '../../lib/engine/fallback/index.js'
import {
  CONTRIBUTION,
  HEADER,
  SERVICE,
  THREAD,
  TICKET,
  TICKET_STATE,
  threadWord,
} from '../../lib/engine/layout.js'
import { reclaimCounts } from '../../lib/engine/reclaim.js'
import { SharedState } from '../../lib/engine/state.js'
import { stateOf, ticketWord } from '../../lib/engine/tickets.js'
import type { Timers } from '../../lib/runtime/timers.js'
import { setNow } from './state.js'

const STEP_MS = 10
/** As many looks of a thread, each 50 ms, as it may take until a place is found to be nobody's. */
const PATIENCE_MS = 210
export const LONG_MS = 100_000

export interface Request {
  readonly id: string
  /** The one place that it can use. */
  readonly only?: string
}

export interface Rest {
  readonly only?: string
  readonly limit?: number
  readonly longestMs?: number
}

/** One thread. */
export class Party {
  readonly queue: AdmissionQueue<Request, string>
  readonly stays = new Map<string, Stay>()
  /** By request: how it ended. */
  readonly ends = new Map<string, string>()
  /** Requests that were refused. */
  refused = 0
  isEnded = false
  readonly #due: { at: number; fn: () => void }[] = []

  constructor(
    readonly scene: AdmissionScene,
    readonly state: SharedState,
    readonly name: string,
  ) {
    const timers: Timers = {
      now: () => scene.now,
      random: () => 0.5,
      after: (ms, fn) => {
        const one = { at: scene.now + ms, fn }
        this.#due.push(one)
        return {
          cancel: () => {
            const at = this.#due.indexOf(one)
            if (at >= 0) this.#due.splice(at, 1)
          },
        }
      },
    }
    const waits = { pool: new TicketPool(state), begin() {}, end() {} } as unknown as ThreadWaits
    this.queue = new AdmissionQueue(state, 0, timers, waits, {
      take: ({ only }) => {
        const place = [...scene.free].find((one) => only === undefined || only === one)
        if (place === undefined) return undefined
        scene.free.delete(place)
        scene.held.set(place, this)
        return place
      },
      free: (enough) => Math.min(enough, scene.free.size),
    })
  }

  wait(id: string, { only, limit = 100, longestMs = LONG_MS }: Rest = {}): void {
    const end = (how: string): void => {
      if (this.ends.has(id)) throw new Error(`${id} ended twice`)
      this.ends.set(id, how)
    }
    const stay = this.queue.wait(
      {
        request: only === undefined ? { id } : { id, only },
        tier: 1,
        longestMs,
        placed: (place) => end(place),
        failed: () => end('failed'),
        late: () => end('late'),
      },
      limit,
    )
    if (stay === undefined) this.refused++
    else this.stays.set(id, stay)
  }

  leave(id: string): void {
    const stay = this.stays.get(id)
    if (stay === undefined || stay.isOver) return
    this.ends.set(id, 'left')
    stay.leave()
  }

  release(place: string): void {
    this.scene.held.delete(place)
    this.scene.free.add(place)
    this.queue.offer()
  }

  /** What its timers do that are due by now. */
  look(): void {
    for (;;) {
      const at = this.#due.findIndex((one) => one.at <= this.scene.now)
      if (at < 0) return
      const [{ fn }] = this.#due.splice(at, 1)
      fn()
    }
  }

  get waiting(): string[] {
    return [...this.stays].filter(([id, { isOver }]) => !isOver && !this.ends.has(id)).map(([id]) => id)
  }

  /** Whether the ticket with which this thread waits, or was granted a place, is in line again in a later use. */
  waitsWith(): () => boolean {
    const { tickets, token } = this.state
    const word = (ticket: number) => tickets[ticketWord(ticket) + TICKET.STATE]
    const isOwn = (ticket: number) => tickets[ticketWord(ticket) + TICKET.OWNER] === token
    let ticket = 0
    while (!(isOwn(ticket) && stateOf(word(ticket)) === TICKET_STATE.GRANTED)) ticket++
    const before = word(ticket)
    return () => word(ticket) !== before && stateOf(word(ticket)) === TICKET_STATE.WAITING
  }

  get placed(): number {
    return [...this.ends.values()].filter((how) => this.scene.places.has(how)).length
  }
}

export class AdmissionScene {
  now = 1_000_000
  readonly free = new Set<string>()
  readonly held = new Map<string, Party>()
  readonly places = new Set(['x', 'y', 'z'])
  readonly parties: readonly Party[]
  readonly #first: SharedState

  constructor(count: number) {
    const first = SharedState.create('fallback', fallbackFactory, 1)
    this.#first = first
    first.claims.takeService()
    const segments = first.fix(1, 1)
    first.root[HEADER.CLOCK_MODE] = 1
    setNow(first, this.now)
    const rest = Array.from({ length: count - 1 }, () =>
      SharedState.attach(first.root, segments, fallbackFactory),
    )
    this.parties = [first, ...rest].map((state, i) => new Party(this, state, 'abc'[i]))
  }

  word(field: number): number {
    return this.#first.serviceWords(0)[this.#first.serviceField(0, field)]
  }

  get living(): Party[] {
    return this.parties.filter(({ isEnded }) => !isEnded)
  }

  advance(ms: number): void {
    this.now += ms
    setNow(this.#first, this.now)
  }

  /** The living threads look, until there are so many placed requests of theirs, or for long enough. */
  settle(placed: number): void {
    for (let passed = 0; passed < PATIENCE_MS && this.placed < placed; passed += STEP_MS) {
      this.advance(STEP_MS)
      for (const one of this.living) one.look()
    }
  }

  get placed(): number {
    return this.living.reduce((sum, one) => sum + one.placed, 0)
  }

  /** Notes that a thread has ended. Its places are free, as its requests in flight are taken off the counts. */
  end(party: Party): void {
    party.isEnded = true
    const { root, thread } = party.state
    const at = threadWord(thread)
    root[at + THREAD.ENDED] = root[at + THREAD.HOLDER]
    for (const [place, holder] of this.held) {
      if (holder !== party) continue
      this.held.delete(place)
      this.free.add(place)
    }
  }

  /** As the thread does that puts things in order. */
  clean(ended: Party, by: Party): boolean {
    const { thread, token } = ended.state
    releaseWaits(by.state, thread, token)
    return reclaimCounts(by.state, thread)
  }

  /** Requests that wait, by what each thread says of itself. */
  contributed(): number {
    const { root } = this.#first
    let sum = 0
    for (let thread = 0; thread < root[HEADER.THREADS_USED]; thread++)
      sum += this.#first.serviceWords(0)[this.#first.serviceContribution(thread, 0) + CONTRIBUTION.WAITING]
    return sum
  }

  /** Tickets that are granted a place, of all threads or of one. */
  granted(token?: number): number {
    return this.#count((state, owner) => state === TICKET_STATE.GRANTED && (token ?? owner) === owner)
  }

  tickets(token: number): number {
    return this.#count((_state, owner) => owner === token)
  }

  #count(matches: (state: number, owner: number) => boolean): number {
    const { root, tickets } = this.#first
    let count = 0
    for (let ticket = 0; ticket < root[HEADER.TICKETS_USED]; ticket++) {
      const at = ticketWord(ticket)
      if (matches(stateOf(tickets[at + TICKET.STATE]), tickets[at + TICKET.OWNER])) count++
    }
    return count
  }

  get ticketsUsed(): number {
    return this.#first.root[HEADER.TICKETS_USED]
  }

  get waiting(): number {
    return this.word(SERVICE.WAITING)
  }
}
