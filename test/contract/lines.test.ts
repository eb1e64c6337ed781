/** The lines of waiting requests: what both engines do. */
import { describe, expect, test } from 'vitest'
import { TicketPool } from '../../lib/admission/ticket-pool.js'
import type { CoreFactory } from '../../lib/engine/contract.js'
import { HEADER, SERVICE, TICKET, TICKET_STATE, TIERS } from '../../lib/engine/layout.js'
import { SharedState } from '../../lib/engine/state.js'
import {
  GRANTED_ELSEWHERE,
  NO_TICKET,
  stateOf,
  stateWord,
  ticketWord,
  useOf,
} from '../../lib/engine/tickets.js'
import { seeded } from '../support/seeded.mjs'
import { until } from '../support/until.js'
import { engines } from './engines.js'

/** Several threads' access to one balancer, all of it in this one. */
function threads(kind: 'native' | 'fallback', factory: CoreFactory, count: number, services = 1) {
  const first = SharedState.create(kind, factory, 1)
  for (let i = 0; i < services; i++) first.claims.takeService()
  const segments = first.fix(1, services)
  const rest = Array.from({ length: count - 1 }, () => SharedState.attach(first.root, segments, factory))
  return [first, ...rest].map((state) => new LineUser(state))
}

class LineUser {
  readonly pool: TicketPool

  constructor(readonly state: SharedState) {
    this.pool = new TicketPool(state)
  }

  join(service = 0, tier = 1, bound = 0): number {
    const { lines, tickets } = this.state
    if (lines.needsHead(service, tier)) {
      const head = this.pool.take()
      lines.open(service, tier, head)
      this.pool.give(head)
    }
    const ticket = this.pool.take()
    tickets[ticketWord(ticket) + TICKET.BOUND] = bound
    expect(lines.join(service, tier, ticket)).toBe(true)
    return ticket
  }

  stateOf(ticket: number): number {
    return stateOf(this.state.tickets[ticketWord(ticket) + TICKET.STATE])
  }

  /** As its request does when it has its place, or is given up. */
  set(ticket: number, to: number): void {
    const at = ticketWord(ticket) + TICKET.STATE
    this.state.tickets[at] = stateWord(useOf(this.state.tickets[at]), to)
  }

  settle(ticket: number, to: number): void {
    this.set(ticket, to)
    this.pool.give(ticket)
  }

  grant(service = 0, ticks = 1): number {
    return this.state.lines.grantNext(service, ticks)
  }

  word(field: number): number {
    return this.state.serviceWords(0)[this.state.serviceField(0, field)]
  }
}

describe.each(engines)('lines of waiting requests, $kind engine', ({ kind, factory }) => {
  const make = (count: number, services?: number) => threads(kind, factory, count, services)

  test('first come, first granted, whichever thread joins or grants', () => {
    const [a, b] = make(2)
    const joined = [a.join(), b.join(), a.join(), a.join(), b.join()]
    expect(a.grant()).toBe(joined[0])
    expect(b.grant()).toBe(joined[1])
    expect(b.grant()).toBe(GRANTED_ELSEWHERE)
    expect(a.stateOf(joined[2])).toBe(TICKET_STATE.GRANTED)
    expect(a.stateOf(joined[3])).toBe(TICKET_STATE.WAITING)
    expect(a.grant()).toBe(joined[3])
    expect(a.grant()).toBe(GRANTED_ELSEWHERE)
    expect(a.grant()).toBe(NO_TICKET)
    expect(a.word(SERVICE.GRANTED)).toBe(5)
  })

  test('a lower tier goes first', () => {
    const [a] = make(1)
    const order = [3, 1, 0, 2, 0, 1].map((tier) => [tier, a.join(0, tier)])
    const expected = [...order].sort(([x], [y]) => x - y).map(([, ticket]) => ticket)
    expect(expected.map(() => a.grant())).toEqual(expected)
  })

  test('who has left is passed over, and who comes too late is told', () => {
    const [a] = make(1)
    const [left, late, intime] = [a.join(), a.join(0, 1, 101), a.join(0, 1, 301)]
    a.set(left, TICKET_STATE.LEFT)
    expect(a.grant(0, 200)).toBe(intime)
    expect(a.stateOf(late)).toBe(TICKET_STATE.LATE)
    expect(a.state.tickets[ticketWord(intime) + TICKET.GRANTED_AT]).toBe(200)
    expect(a.word(SERVICE.GRANTED)).toBe(1)
  })

  test('times wrap', () => {
    const [a] = make(1)
    const [late, intime] = [a.join(0, 1, 0x7fffffff), a.join(0, 1, (-0x80000000 + 101) | 1)]
    expect(a.grant(0, -0x80000000 + 50)).toBe(intime)
    expect(a.stateOf(late)).toBe(TICKET_STATE.LATE)
  })

  test('a ticket joins again only when the line has moved past it', () => {
    const [a] = make(1)
    const first = a.join()
    const left = a.join()
    a.settle(left, TICKET_STATE.LEFT)
    expect(a.state.lines.isInLine(left)).toBe(true)
    expect(a.grant()).toBe(first)
    a.settle(first, TICKET_STATE.FREE)
    const next = [a.join(), a.join()]
    expect(a.grant()).toBe(next[0])
    expect(a.grant()).toBe(next[1])
    for (const one of next) a.settle(one, TICKET_STATE.FREE)
    expect(a.state.lines.isInLine(left)).toBe(false)
    expect(a.state.lines.lengthOf(0, 1)).toBeLessThanOrEqual(1)
  })

  test('a ticket that was to open a line, where another one was first, can be used in any line', () => {
    const [a, b] = make(2)
    const { lines, tickets } = a.state
    const [used, other] = [a.pool.take(), b.pool.take()]
    // It stood far back in a line, once.
    tickets[ticketWord(used) + TICKET.SEQUENCE] = 1_000
    const needsHead = lines.needsHead(0, 1)
    b.state.lines.open(0, 1, other)
    lines.open(0, 1, used)
    for (let i = 0; i < 3; i++) {
      b.join()
      b.settle(b.grant(), TICKET_STATE.FREE)
    }
    expect(needsHead && lines.isInLine(used)).toBe(false)
  })

  test('tickets in a line that stands still do not keep those of others from being used again', () => {
    const [a] = make(1, 2)
    for (let i = 0; i < 8; i++) a.join(0)
    for (let ticket = 0; ticket < 9; ticket++)
      if (a.stateOf(ticket) === TICKET_STATE.WAITING) a.settle(ticket, TICKET_STATE.LEFT)
    for (let i = 0; i < 300; i++) {
      const left = a.join(1)
      const next = a.join(1)
      a.settle(left, TICKET_STATE.LEFT)
      expect(a.grant(1)).toBe(next)
      a.settle(next, TICKET_STATE.FREE)
    }
    expect(a.state.root[HEADER.TICKETS_USED]).toBeLessThan(30)
  })

  test('services have lines of their own', () => {
    const [a] = make(1, 3)
    const [x, y, z] = [a.join(2), a.join(0), a.join(2)]
    expect([a.grant(2), a.grant(0), a.grant(1), a.grant(2)]).toEqual([x, y, NO_TICKET, z])
  })

  test('the thread of a ticket that another one grants is called; several calls may become one', async () => {
    const [a, b] = make(2)
    let calls = 0
    b.state.lines.listen(() => calls++)
    b.join()
    b.join()
    expect([a.grant(), a.grant()]).toEqual([GRANTED_ELSEWHERE, GRANTED_ELSEWHERE])
    await until(() => calls > 0)
    const seen = calls
    a.state.lines.call(b.state.token)
    await until(() => calls > seen)
    b.state.lines.close()
    const last = calls
    a.state.lines.call(b.state.token)
    a.state.lines.call(0)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(calls).toBe(last)
    b.state.lines.listen(() => calls++)
    a.state.lines.call(b.state.token)
    await until(() => calls > last)
    b.state.lines.close()
  })

  test.each([1, 2, 3, 4, 5, 6])('random plans come out as a list says, seed %i', (seed) => {
    const below = seeded(seed)
    const users = make(3, 2)
    // By service and tier: who waits, in order.
    const model = Array.from({ length: 2 }, () =>
      Array.from({ length: TIERS }, () => [] as [number, number][]),
    )
    const granted: [number, number][] = []
    for (let step = 0; step < 3_000; step++) {
      const who = below(users.length)
      const service = below(2)
      const choice = below(10)
      if (choice < 4) {
        const tier = below(TIERS)
        model[service][tier].push([who, users[who].join(service, tier)])
      } else if (choice < 6) {
        const line = model[service][below(TIERS)]
        if (line.length === 0) continue
        const [[user, ticket]] = line.splice(below(line.length), 1)
        users[user].settle(ticket, TICKET_STATE.LEFT)
      } else if (choice < 9) {
        const expected = model[service].find((line) => line.length > 0)?.shift()
        const ticket = users[who].grant(service)
        if (expected === undefined) expect(ticket).toBe(NO_TICKET)
        else {
          expect(ticket).toBe(expected[0] === who ? expected[1] : GRANTED_ELSEWHERE)
          expect(users[0].stateOf(expected[1])).toBe(TICKET_STATE.GRANTED)
          granted.push(expected)
        }
      } else if (granted.length > 0) {
        const [[user, ticket]] = granted.splice(below(granted.length), 1)
        users[user].settle(ticket, TICKET_STATE.FREE)
      }
    }
    expect(granted.length).toBeGreaterThan(0)
  })

  test('more tickets than a first queue holds stay in order', () => {
    const [a] = make(1)
    const joined = Array.from({ length: 9_000 }, () => a.join())
    expect(a.state.lines.lengthOf(0, 1)).toBe(9_000)
    expect(joined.map(() => a.grant())).toEqual(joined)
  })
})
