/**
 * Counts of connections, of requests that wait for one, and of further tries: strict over threads, of both engines, and given
 * back wherever a thread ends.
 */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  type ConnectionCounters,
  releaseConnectionCounts,
  serviceCounters,
  slotCounters,
} from '../../lib/admission/connection-counts.js'
import { NO_PLACE, type SharedCount } from '../../lib/admission/shared-count.js'
import { CONNECTION_CONTRIBUTION, MARK_BUSY, THREAD, threadWord } from '../../lib/engine/layout.js'
import { reclaimCounts } from '../../lib/engine/reclaim.js'
import { SharedState } from '../../lib/engine/state.js'
import { freeThread } from '../../lib/engine/threads.js'
import { interposeAt, stopAt } from '../support/atomics.js'
import { engines } from './engines.js'

vi.mock('../../lib/engine/ordering.js', () => import('../support/every-access.js'))

const LIMIT = 3
const MOST_PLACES = 100
const KINDS = ['connections', 'pending', 'retries'] as const

type Engine = (typeof engines)[number]

/** Threads over one balancer with a slot and a service. */
class Threads {
  readonly states: SharedState[] = []
  readonly #service: number
  readonly #slot: number

  constructor({ kind, factory }: Engine, threads: number) {
    const first = SharedState.create(kind, factory, 1)
    this.#service = first.claims.takeService()
    this.#slot = first.claims.takeSlot()
    this.states.push(first)
    const segments = first.fix(1, 1)
    while (this.states.length < threads) this.states.push(SharedState.attach(first.root, segments, factory))
  }

  /** Of the slot, and of the service. */
  of(thread: number): readonly [ConnectionCounters, ConnectionCounters] {
    const state = this.states[thread]
    return [slotCounters(state, this.#slot), serviceCounters(state, this.#service)]
  }

  /** All counts, as one thread sees them. */
  get values(): number[] {
    return this.of(0).flatMap((counters) => KINDS.map((kind) => counters[kind].value))
  }

  /** A thread has ended, and another takes back what it held. */
  reclaim(ended: number, cleaner: number): boolean {
    this.end(ended)
    return reclaimCounts(this.states[cleaner], this.states[ended].thread)
  }

  end(ended: number): void {
    const { root, thread } = this.states[ended]
    root[threadWord(thread) + THREAD.ENDED] = root[threadWord(thread) + THREAD.HOLDER]
  }

  /** The words of its own records that say that it is at work. */
  isBusy(thread: number): boolean {
    const state = this.states[thread]
    const marks = [
      state.segmentOf(this.#slot).connections[
        state.slotConnections(state.thread, this.#slot) + CONNECTION_CONTRIBUTION.MARK
      ],
      state.serviceWords(this.#service)[
        state.serviceConnections(state.thread, this.#service) + CONNECTION_CONTRIBUTION.MARK
      ],
    ]
    return marks.some((mark) => (mark & MARK_BUSY) !== 0)
  }
}

for (const engine of engines) {
  describe(`${engine.kind} engine`, () => {
    test('each count stands for itself, and takes no more than its limit', () => {
      const threads = new Threads(engine, 2)
      const [slot, service] = threads.of(0)
      const [slotOfOther] = threads.of(1)
      expect([slot.connections.enter(2), slotOfOther.connections.enter(2)]).toEqual([0, 1])
      expect([slot.connections.enter(2), slotOfOther.connections.enter(2)]).toEqual([NO_PLACE, NO_PLACE])
      slot.pending.enter(9)
      service.retries.enter(9)
      expect(threads.values).toEqual([2, 1, 0, 0, 0, 1])
      expect([slot.connections.ownValue, slotOfOther.connections.ownValue]).toEqual([1, 1])
      slot.connections.leave()
      expect([slotOfOther.connections.enter(2), threads.values[0]]).toEqual([1, 2])
    })

    test('of two threads that want the last place one gets it, whoever comes in between', () => {
      for (const at of places()) {
        const threads = new Threads(engine, 2)
        const taken: number[] = []
        const enter = (thread: number) => taken.push(threads.of(thread)[0].connections.enter(1))
        const isReached = interposeAt(
          at,
          () => enter(1),
          () => enter(0),
        )
        expect(taken.sort(), `${at}`).toEqual(isReached ? [NO_PLACE, 0] : [0])
        expect(threads.values[0]).toBe(1)
        expect([threads.isBusy(0), threads.isBusy(1)]).toEqual([false, false])
        if (!isReached) return
      }
      throw new Error('it never came to its end')
    })

    test.each(['enter', 'leave'] as const)(
      'a thread that ends anywhere in %s leaves nothing behind, and takes nothing of others',
      (operation) => {
        let stops = 0
        for (const which of [0, 1]) {
          for (const kind of KINDS) {
            for (const at of places()) {
              const threads = new Threads(engine, 3)
              threads.of(1)[which][kind].enter(LIMIT)
              const count = threads.of(0)[which][kind]
              if (operation === 'leave') count.enter(LIMIT)
              const isStopped = stopAt(at, () => {
                if (operation === 'enter') count.enter(LIMIT)
                else count.leave()
              })
              if (!isStopped) break
              stops++
              expect(threads.reclaim(0, 2), `${kind} ${at}`).toBe(true)
              const values = [0, 0, 0, 0, 0, 0]
              values[which * KINDS.length + KINDS.indexOf(kind)] = 1
              expect(threads.values, `${kind} ${at}`).toEqual(values)
            }
          }
        }
        expect(stops).toBeGreaterThanOrEqual(2 * 3 * 6)
      },
    )

    test('cleaners of two ended threads do not settle at the same time, wherever the one is', () => {
      let kept = 0
      for (const at of places(1_000)) {
        const threads = new Threads(engine, 5)
        for (const thread of [0, 1, 2]) threads.of(thread)[1].connections.enter(9)
        const words = () => [...threads.values, threads.of(1)[1].connections.ownValue]
        const done = { first: false, second: false }
        const isReached = interposeAt(
          at,
          () => {
            const before = words()
            done.second = threads.reclaim(1, 4)
            if (done.second) return
            kept++
            expect(words(), `${at}`).toEqual(before)
          },
          () => {
            done.first = threads.reclaim(0, 3)
          },
        )
        if (!done.first) done.first = threads.reclaim(0, 3)
        if (isReached && !done.second) done.second = threads.reclaim(1, 4)
        expect(done, `${at}`).toEqual({ first: true, second: isReached })
        expect(threads.values, `${at}`).toEqual([0, 0, 0, isReached ? 1 : 2, 0, 0])
        if (!isReached) return void expect(kept).toBeGreaterThan(20)
      }
      throw new Error('it never came to its end')
    })

    test('a cleaner that ends anywhere keeps no other from it', () => {
      for (const at of places(1_000)) {
        const threads = new Threads(engine, 4)
        for (const thread of [0, 1]) threads.of(thread)[1].pending.enter(9)
        const isStopped = stopAt(at, () => threads.reclaim(0, 2))
        threads.end(2)
        expect(threads.reclaim(0, 3), `${at}`).toBe(true)
        expect(threads.reclaim(2, 3), `${at}`).toBe(true)
        expect(threads.values, `${at}`).toEqual([0, 0, 0, 0, 1, 0])
        if (!isStopped) return
      }
      throw new Error('it never came to its end')
    })

    test('a thread that leaves the balancer gives back what it holds, and no more', () => {
      const threads = new Threads(engine, 2)
      for (const thread of [0, 1])
        for (const counters of threads.of(thread)) for (const kind of KINDS) counters[kind].enter(9)
      threads.of(1)[0].connections.enter(9)
      expect(threads.values).toEqual([3, 2, 2, 2, 2, 2])
      releaseConnectionCounts(threads.states[1])
      expect(threads.values).toEqual([1, 1, 1, 1, 1, 1])
    })

    test('whatever threads open, close and however they end, no limit is overshot, and all ends at zero', () => {
      const thread = fc.integer({ min: 0, max: 3 })
      const plan = fc.array(
        fc.oneof(
          { weight: 5, arbitrary: fc.record({ kind: fc.constant('open' as const), thread }) },
          { weight: 3, arbitrary: fc.record({ kind: fc.constant('close' as const), thread }) },
          {
            weight: 1,
            arbitrary: fc.record({ kind: fc.constant('kill' as const), thread, at: fc.nat({ max: 20 }) }),
          },
        ),
        { maxLength: 60 },
      )
      fc.assert(
        fc.property(plan, fc.constantFrom(...KINDS), fc.constantFrom(0, 1), (steps, kind, which) => {
          const threads = new Threads(engine, 5)
          // The last one only looks, and cleans up.
          const own = [0, 0, 0, 0]
          const count = (one: number): SharedCount => threads.of(one)[which][kind]
          const watcher = count(4)
          const living = new Set([0, 1, 2, 3])
          for (const step of steps) {
            if (!living.has(step.thread)) continue
            if (step.kind === 'open') {
              const isFull = own.reduce((sum, one) => sum + one) >= LIMIT
              expect(count(step.thread).enter(LIMIT) === NO_PLACE).toBe(isFull)
              if (!isFull) own[step.thread]++
            } else if (step.kind === 'close') {
              if (own[step.thread] === 0) continue
              count(step.thread).leave()
              own[step.thread]--
            } else {
              stopAt(step.at, () => {
                if (own[step.thread] > 0) count(step.thread).leave()
                else count(step.thread).enter(LIMIT)
              })
              expect(watcher.value).toBeLessThanOrEqual(LIMIT)
              living.delete(step.thread)
              own[step.thread] = 0
              expect(threads.reclaim(step.thread, 4)).toBe(true)
              freeThread(threads.states[4].root, threads.states[step.thread].thread, threads.states[4].token)
            }
            expect(watcher.value).toBe(own.reduce((sum, one) => sum + one))
          }
          for (const one of living) expect(threads.reclaim(one, 4)).toBe(true)
          expect(threads.values).toEqual([0, 0, 0, 0, 0, 0])
        }),
        { numRuns: 200 },
      )
    })
  })
}

function* places(most = MOST_PLACES): Iterable<number> {
  for (let at = 0; at < most; at++) yield at
}
