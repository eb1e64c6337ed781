/** Words of the waiting lines that another thread has damaged: whatever they say, no call hangs, and none ends the process. */
import { describe, expect, test } from 'vitest'
import { TicketPool } from '../../lib/admission/ticket-pool.js'
import { HEADER, SERVICE, TICKET, TICKET_STATE } from '../../lib/engine/layout.js'
import { SharedState } from '../../lib/engine/state.js'
import { NO_TICKET, stateWord, ticketWord, useOf } from '../../lib/engine/tickets.js'
import { engines } from '../contract/engines.js'
import { seeded } from '../support/seeded.mjs'

const ROUNDS = 60
const STEPS = 40
const SEED = Math.floor(Math.random() * 1e9)

describe.each(engines)('damaged waiting lines, $kind engine', ({ kind, factory }) => {
  test(`words at random, seed ${SEED}`, () => {
    const below = seeded(SEED)
    let granted = 0
    for (let round = 0; round < ROUNDS; round++) {
      const state = SharedState.create(kind, factory, 1)
      state.claims.takeService()
      const { lines, tickets } = state
      const pool = new TicketPool(state)
      const words = state.serviceWords(0)
      const join = (): void => {
        if (lines.needsHead(0, 1)) {
          const head = pool.take()
          if (head === NO_TICKET) return
          lines.open(0, 1, head)
          pool.give(head)
        }
        const ticket = pool.take()
        if (ticket === NO_TICKET || !lines.join(0, 1, ticket)) return
        if (below(3) > 0) return
        const at = ticketWord(ticket) + TICKET.STATE
        tickets[at] = stateWord(useOf(tickets[at]), TICKET_STATE.LEFT)
        pool.give(ticket)
      }
      for (let i = 0; i < 6; i++) join()
      for (let step = 0; step < STEPS; step++) {
        const used = Math.min(state.root[HEADER.TICKETS_USED], 20)
        const value = [0, -1, 1, 0x1ffff, 0x20000, below(2 ** 32) | 0, below(20) + 1][below(7)]
        if (below(3) === 0) words[state.serviceField(0, [SERVICE.HEADS, SERVICE.TAILS][below(2)] + 1)] = value
        else tickets[ticketWord(below(used)) + below(TICKET.WORDS)] = value
        join()
        if (lines.grantNext(0, below(1_000)) !== NO_TICKET) granted++
        lines.lengthOf(0, 1)
      }
    }
    expect(granted).toBeGreaterThan(ROUNDS)
  })
})
