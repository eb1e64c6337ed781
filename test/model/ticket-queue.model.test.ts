/**
 * The fallback's ticket queue in every interleaving of a few threads with at most two preemptions (a thread is stopped that
 * could go on), also with one of them killed at any moment; `test/soak/model.soak.ts` goes further. The code is the shipped
 * one (`pausing.ts`), its bounds are those of `ticket-queue.ts`: exact capacity, nothing lost, nothing twice, each
 * producer's order, no call that says "full" or "empty" without reason, no sleeper that is forgotten.
 *
 * Each of the mutations at the end has to be found: what cannot find them proves nothing.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Explored, explore, Violation } from './explore.js'
import { type Mutation, pausingCode } from './pausing.js'
import { plans } from './plans.js'
import { type Plan, TicketQueueScenario } from './ticket-queue.js'

const TIMEOUT_MS = 120_000
const PREEMPTIONS = 2

const check = (code: string, plan: Plan): Explored =>
  explore(code, plan.threads.length, new TicketQueueScenario({ preemptions: PREEMPTIONS, ...plan }))

describe('every interleaving with at most two preemptions', { timeout: TIMEOUT_MS }, () => {
  let code: string
  beforeAll(async () => {
    code = await pausingCode()
  })

  it.each(Object.entries<Plan>(plans))('%s', (_name, plan) => {
    const { states, ways } = check(code, plan)
    // One of each would be no interleaving at all.
    expect(states).toBeGreaterThan(50)
    expect(ways).toBeGreaterThan(5)
  })
})

const mutations: Readonly<Record<string, readonly [plan: keyof typeof plans, ...Mutation]>> = {
  'HEAD is moved by a store': [
    'two consumers',
    'Atomics.compareExchange(words, head, position, position + count | 0)',
    '(Atomics.store(words, head, position + count | 0), position)',
  ],
  'TAIL is moved before the items are written': [
    'a producer and a consumer',
    'if (count === 0) break;',
    'if (count === 0) break; publish(lanes, lane);',
  ],
  'credits are taken by a store': [
    'two producers, one place',
    'Atomics.compareExchange(words, from, seen, left) === seen',
    '(Atomics.store(words, from, left), true)',
  ],
  'credits are spent by a store': [
    'one credit, wanted by two',
    'Atomics.compareExchange(words, at + LANE.CREDIT, credit, credit + 65535 | 0)',
    '(Atomics.store(words, at + LANE.CREDIT, credit + 65535 | 0), credit)',
  ],
  'what was popped is taken from the last look': [
    'two producers, one place',
    'popped = sumOfHeads(memory);',
    '',
  ],
  'a block is taken before it was read': [
    'two producers, blocks only from what was read',
    '<= blockMask) return false;',
    '< 0) return false;',
  ],
  'a sleeper does not look again': [
    'a sleeper',
    'if (!isAnyReadable(memory) && !isEnded(memory)) this.#sleepOn',
    'this.#sleepOn',
  ],
  'a reader wakes nobody': [
    'two sleepers, one publication',
    'const count = this.lanes.popMany(into);\n\t\tpassOn(this.lanes);',
    'const count = this.lanes.popMany(into);',
  ],
  'a close wakes nobody': [
    'a sleeper and the end',
    'QUEUE_HEADER.CLOSED, 1);\n\t\tpassOn(this.lanes);',
    'QUEUE_HEADER.CLOSED, 1);',
  ],
  'a repair does not wait for a quiet moment': [
    'a producer killed while another takes a credit',
    'if ((intent & 1) === 1) return void 0;',
    '',
  ],
  'nobody repairs': ['a producer killed', 'return repairCredit(this.memory);', 'return true;'],
  'a killed sleeper’s call is not passed on': [
    'a sleeper killed',
    'callClaimed(this.lanes);\n\t\tpassOn(this.lanes);',
    'callClaimed(this.lanes);',
  ],
  'a call that a killed thread was about to make is not made': [
    'a sleeper killed',
    'reapWaiters(this.lanes.memory);\n\t\tcallClaimed(this.lanes);',
    'reapWaiters(this.lanes.memory);',
  ],
}

describe('a fault is found', { timeout: TIMEOUT_MS }, () => {
  it.each(Object.entries(mutations))('%s', async (_name, [plan, before, after]) => {
    const code = await pausingCode([[before, after]])
    let violation: unknown
    try {
      check(code, plans[plan])
    } catch (error) {
      violation = error
    }
    expect(violation).toBeInstanceOf(Violation)
  })
})
