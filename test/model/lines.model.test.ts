/**
 * The fallback's lines of waiting requests, with the pool of their tickets, in every interleaving of two or three threads with at
 * most two preemptions, also with one of them killed at any moment. What runs is what is shipped (`pausing.ts`); what has to
 * hold is in `lines.ts`: no ticket is granted a place twice, none that waits is forgotten, who joined before another one
 * began to goes first, no ticket is used again while it is in line, and none is lost.
 *
 * Each of the mutations at the end has to be found: what cannot find them proves nothing.
 */
import { describe, expect, it } from 'vitest'
import { type Explored, explore, Violation } from './explore.js'
import { type Call, LinesScenario, type Plan } from './lines.js'
import { type Mutation, pausingCode } from './pausing.js'

const TIMEOUT_MS = 120_000
/** Of a plan that does not say so; large ones have one. */
const PREEMPTIONS = 2

async function check(plan: Plan, mutations: readonly Mutation[] = []): Promise<Explored> {
  const small: Mutation[] = [
    ['const MOST_TICKETS = (1 << 17) - 1;', `const MOST_TICKETS = ${plan.tickets};`],
    // Tickets are used again as soon as they can be.
    ['const FEW = 8;', 'const FEW = 1;'],
    ['Math.max(FEW, 2 * still.length)', 'FEW'],
  ]
  const code = await pausingCode([...small, ...mutations], './lines-entry.ts')
  return explore(code, plan.threads.length, new LinesScenario({ preemptions: PREEMPTIONS, ...plan }))
}

const did = (thread: number, ...calls: readonly Call[]) => calls.map((call) => ({ thread, call }))
/** The line is open, and has been used. */
const opened = did(0, 'join', 'grant', 'take')

const plans = {
  'two open a line': { tickets: 8, threads: [['join'], ['join']] },
  'three open a line': { tickets: 10, threads: [['join'], ['join'], ['join']], preemptions: 1 },
  'two join': {
    tickets: 8,
    before: opened,
    threads: [
      ['join', 'join'],
      ['join', 'join'],
    ],
  },
  'three join': { tickets: 8, before: opened, threads: [['join'], ['join'], ['join']] },
  'one joins, one grants': {
    tickets: 8,
    before: opened,
    threads: [
      ['join', 'join'],
      ['grant', 'grant', 'grant'],
    ],
  },
  'two grant': {
    tickets: 8,
    before: [...opened, ...did(0, 'join', 'join', 'join')],
    threads: [['grant', 'grant'], ['grant']],
  },
  'three grant': {
    tickets: 8,
    before: [...opened, ...did(0, 'join', 'join')],
    threads: [['grant'], ['grant'], ['grant']],
  },
  'two join, one grants': {
    tickets: 8,
    before: opened,
    threads: [['join'], ['join'], ['grant', 'grant']],
  },
  'one leaves while another grants': {
    tickets: 8,
    before: [...opened, ...did(0, 'join'), ...did(1, 'join')],
    threads: [['leave'], ['grant']],
  },
  'two leave while another grants': {
    tickets: 8,
    before: [...opened, ...did(0, 'join'), ...did(1, 'join'), ...did(0, 'join')],
    threads: [['leave'], ['leave'], ['grant']],
  },
  'a ticket is used again while a slow one grants': {
    tickets: 7,
    before: [...opened, ...did(0, 'join')],
    threads: [['grant', 'take', 'join', 'grant', 'take', 'join'], ['grant'], ['join']],
  },
  'the head is used again while a slow one gives its ticket back': {
    tickets: 8,
    before: [...opened, ...did(1, 'join')],
    threads: [
      ['grant', 'join', 'join'],
      ['leave', 'join'],
    ],
    preemptions: 1,
  },
  'a ticket that has left is used again while a slow one grants': {
    tickets: 6,
    before: [...opened, ...did(0, 'join'), ...did(1, 'join')],
    threads: [['leave', 'join', 'grant', 'take', 'join'], ['grant']],
    preemptions: 1,
  },
  'a ticket is used again while a slow one joins': {
    tickets: 6,
    before: [...opened, ...did(0, 'join')],
    threads: [['grant', 'take', 'join', 'grant', 'take', 'join'], ['join']],
  },
  'a ticket is used again in another tier while a slow one joins': {
    tickets: 8,
    before: [...did(1, { joinTier: 2 }, 'grant', 'take'), ...opened, ...did(0, 'join')],
    threads: [['grant', 'take', 'join', 'grant', 'take', { joinTier: 2 }], ['join']],
  },
  'a slow one joins while others go by': {
    tickets: 8,
    before: opened,
    threads: [['join'], ['grant', 'join', 'leave', 'join']],
  },
  'an opener killed': { tickets: 10, threads: [['join'], ['join']], victim: 0, preemptions: 1 },
  'a joiner killed': {
    tickets: 8,
    before: opened,
    threads: [['join'], ['join'], ['grant']],
    victim: 0,
    preemptions: 1,
  },
  'a joiner killed, and the line goes on': {
    tickets: 8,
    before: did(1, 'join', 'grant', 'take', 'join'),
    threads: [['join'], ['grant', 'take', 'grant', 'join']],
    victim: 0,
  },
  'a granter killed': {
    tickets: 8,
    before: [...opened, ...did(1, 'join', 'join')],
    threads: [['grant'], ['grant', 'take', 'join']],
    victim: 0,
  },
  'one killed as it leaves': {
    tickets: 8,
    before: [...opened, ...did(0, 'join'), ...did(1, 'join')],
    threads: [['leave', 'join'], ['grant']],
    victim: 0,
  },
  'one killed as it takes its place': {
    tickets: 8,
    before: [...opened, ...did(0, 'join'), ...did(1, 'join'), ...did(0, 'grant')],
    threads: [['take', 'join'], ['grant']],
    victim: 0,
  },
  'one cleans up while another grants': {
    tickets: 8,
    before: [...opened, ...did(2, 'join', 'join', 'grant'), ...did(0, 'join')],
    threads: [[{ clean: 2 }, 'join'], ['grant', 'grant'], []],
    ended: [2],
  },
  'a cleaner killed': {
    tickets: 8,
    before: [...opened, ...did(2, 'join', 'join', 'grant'), ...did(1, 'join')],
    threads: [[{ clean: 2 }], ['grant'], []],
    victim: 0,
    ended: [2],
  },
  'two take a ticket of one that has ended': {
    tickets: 4,
    before: [
      ...did(2, 'join', 'grant', 'take', 'join', 'join', 'join', 'grant', 'grant', 'grant'),
      ...did(0, { clean: 2 }),
    ],
    threads: [['join'], ['join'], []],
    ended: [2],
  },
  'tickets of one that has ended are taken while another grants': {
    tickets: 5,
    before: [...opened, ...did(2, 'join', 'join', 'join'), ...did(0, { clean: 2 }, 'join')],
    threads: [['grant'], ['join'], []],
    ended: [2],
  },
} satisfies Record<string, Plan>

describe('every interleaving with at most two preemptions', { timeout: TIMEOUT_MS }, () => {
  it.each(Object.entries<Plan>(plans))('%s', async (_name, plan) => {
    const { states, ways } = await check(plan)
    // One of each would be no interleaving at all.
    expect(states).toBeGreaterThan(20)
    expect(ways).toBeGreaterThan(5)
  })
})

const LINK = 'Atomics.compareExchange(tickets, last + TICKET.NEXT, next, linked) === next'
const GRANT = 'Atomics.compareExchange(tickets, own + TICKET.STATE, state, after) !== state'
const WAITING = 'Atomics.store(tickets, own + TICKET.STATE, stateWord(use, TICKET_STATE.WAITING));'
const SEQUENCE = 'Atomics.store(tickets, own + TICKET.SEQUENCE, tickets[last + TICKET.SEQUENCE] + 1 | 0);'
const COUNT = 'Atomics.add(words, at + SERVICE.GRANTED, 1);'

const mutations: Readonly<Record<string, readonly [plan: keyof typeof plans, ...mutations: Mutation[]]>> = {
  'a line is opened by a store (A5)': [
    'two open a line',
    [
      'const before = Atomics.compareExchange(words, at + SERVICE.HEADS + tier, 0, head);',
      'const before = 0; Atomics.store(words, at + SERVICE.HEADS + tier, head);',
    ],
  ],
  'who comes after an opener that ended does not set the end (A5)': [
    'an opener killed',
    [
      'Atomics.compareExchange(words, at + SERVICE.TAILS + tier, 0, before === 0 ? head : before);',
      'if (before === 0) Atomics.compareExchange(words, at + SERVICE.TAILS + tier, 0, head);',
    ],
  ],
  'a ticket is linked by a store (A2)': [
    'two join',
    [LINK, '(Atomics.store(tickets, last + TICKET.NEXT, linked), true)'],
  ],
  'a ticket waits only once it is linked (A1)': [
    'one joins, one grants',
    [WAITING, ''],
    [`if (${LINK}) {`, `if (${LINK}) { ${WAITING}`],
  ],
  'its place is said only once it is linked': [
    'a slow one joins while others go by',
    [SEQUENCE, 'const place = tickets[last + TICKET.SEQUENCE] + 1 | 0;'],
    [`if (${LINK}) {`, `if (${LINK}) { Atomics.store(tickets, own + TICKET.SEQUENCE, place);`],
  ],
  'it is linked behind a ticket in another use (A4)': [
    'a ticket is used again in another tier while a slow one joins',
    ['if (Atomics.load(words, end) !== tail || useBits(next) !== useBits(tail)) continue;', ''],
  ],
  'nobody sets the end for a joiner that ended (A4)': [
    'a joiner killed',
    ['this.#moveTail(words, end, tail, ticketOf(next));\n\t\t\t\tcontinue;', 'return false;'],
  ],
  'the head overtakes the end (A4)': [
    'a joiner killed, and the line goes on',
    [
      'if (head === tail) {\n\t\t\t\tthis.#moveTail(words, end, tail, first);\n\t\t\t\tcontinue;\n\t\t\t}',
      '',
    ],
  ],
  'a grant is a store (A3)': [
    'two grant',
    [GRANT, '(Atomics.store(tickets, own + TICKET.STATE, after), false)'],
  ],
  'the head is not looked at again (A4)': [
    'a ticket is used again while a slow one grants',
    ['if (Atomics.load(words, begin) !== head || useBits(next) !== useBits(head)) continue;', ''],
  ],
  'the head moves before the grant (A3, A4)': [
    'a granter killed',
    [
      'if (stateOf(state) === TICKET_STATE.WAITING) {',
      'this.#moveHead(words, begin, head, first, state);\n\t\t\tif (stateOf(state) === TICKET_STATE.WAITING) {',
    ],
  ],
  'the head is moved by a store (A4)': [
    'a ticket is used again while a slow one grants',
    [
      'Atomics.compareExchange(words, begin, head, reference(useOf(state), first));',
      'Atomics.store(words, begin, reference(useOf(state), first));',
    ],
  ],
  'a grant is counted before it is made (A6)': [
    'a granter killed',
    [COUNT, ''],
    [`if (${GRANT}) {`, `${COUNT}\n\t\t\t\tif (${GRANT}) { Atomics.sub(words, at + SERVICE.GRANTED, 1);`],
  ],
  'a cleaner takes a grant off the count after the state (A6)': [
    'a cleaner killed',
    ['if (!isWaiting) addToGranted(state, serviceOf(tickets[at + TICKET.SERVICE]), -1);', ''],
    [
      '=== word) return;\n\t\tif (!isWaiting) addToGranted(state, serviceOf(tickets[at + TICKET.SERVICE]), 1);',
      '=== word) { if (!isWaiting) addToGranted(state, serviceOf(tickets[at + TICKET.SERVICE]), -1); return; }',
    ],
  ],
  'the head counts as out of line': [
    'one joins, one grants',
    ['- sequence | 0) >= 0', '- sequence | 0) > 0'],
  ],
  'whose place was read is not looked at again (A4)': [
    'the head is used again while a slow one gives its ticket back',
    ['if (Atomics.load(words, begin) === head) return', 'return'],
  ],
  'a ticket is used again in line': [
    'one leaves while another grants',
    [
      'if (this.#state.lines.isInLine(ticket)) this.#resting.push(ticket);\n\t\telse this.#free.push(ticket);',
      'this.#free.push(ticket);',
    ],
  ],
  'a ticket that rests is used again in line': [
    'a ticket that has left is used again while a slow one grants',
    ['(this.#state.lines.isInLine(ticket) ? still : this.#free).push(ticket);', 'this.#free.push(ticket);'],
  ],
  'a ticket of an ended thread is taken in line': [
    'tickets of one that has ended are taken while another grants',
    ['|| lines.isInLine(ticket)) continue;', ') continue;'],
  ],
  'a ticket of an ended thread is taken by a store (A8)': [
    'two take a ticket of one that has ended',
    [
      'if (Atomics.compareExchange(tickets, owner, 0, token) === 0) return ticket;',
      'Atomics.store(tickets, owner, token); return ticket;',
    ],
  ],
  'a new ticket is taken by a store (A8)': [
    'two join',
    [
      'if (Atomics.compareExchange(root, HEADER.TICKETS_USED, used, used + 1) !== used) continue;',
      'Atomics.store(root, HEADER.TICKETS_USED, used + 1);',
    ],
    [
      'if (Atomics.compareExchange(tickets, owner, 0, token) === 0) return used;',
      'Atomics.store(tickets, owner, token); return used;',
    ],
  ],
}

describe('a fault is found', { timeout: TIMEOUT_MS }, () => {
  it.each(Object.entries(mutations))('%s', async (_name, [plan, ...changes]) => {
    let violation: unknown
    try {
      await check(plans[plan], changes)
    } catch (error) {
      violation = error
    }
    expect(violation).toBeInstanceOf(Violation)
  })
})
