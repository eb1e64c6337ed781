/** The limits of endpoints in shared memory: as the plain record says, over all threads, and with what is configured. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AdaptiveLimits } from '../../lib/admission/adaptive-limits.js'
import { rollWindow } from '../../lib/admission/concurrency-limit.js'
import {
  type ConcurrencyState,
  initialState,
  noteAbort,
  noteAnswer,
  noteSent,
} from '../../lib/admission/concurrency-state.js'
import { Impatience } from '../../lib/admission/impatience.js'
import { SharedConcurrency } from '../../lib/admission/shared-concurrency.js'
import { CONCURRENCY, concurrencyWord, OUTCOME, SLOT, TICKS_PER_MS } from '../../lib/engine/layout.js'
import type { SharedState } from '../../lib/engine/state.js'
import { admit, configure } from '../../lib/topology/member.js'
import { endpoint, manualState, setNow } from '../support/state.js'

const START = 1_000_000
const MOST = 1_024
const SETTINGS = { peak: false, decayMs: 10_000, firstLatencyMs: 0, limit: MOST, adaptive: true }

/** One endpoint, whose callers have given up before, unless it is said. */
function scene(limit = MOST, isImpatient = true) {
  const state = manualState(1, START)
  const member = admit(state, state.claims.takeService(), endpoint('a'), { ...SETTINGS, limit })
  const impatience = new Impatience(state, member.service)
  if (isImpatient) impatience.note()
  return { state, member, slot: member.slot, impatience, limits: new AdaptiveLimits(state, impatience) }
}

/** An endpoint that takes 100 ms a request, one at a time; as many as are allowed in flight, until a queue stands there. */
function overload({ state, slot, limits }: ReturnType<typeof scene>, answers = 60): void {
  let now = START
  const sent: number[] = []
  for (let i = 0; i < answers; i++) {
    setNow(state, now)
    while (sent.length < 30 && state.core.reserve(slot)) {
      sent.push(now)
      limits.sent(slot, now)
    }
    now += 100
    setNow(state, now)
    const at = sent.shift() as number
    state.core.end(slot, at, OUTCOME.SUCCEEDED, now - at)
    limits.answered(slot, now, now - at, false)
  }
}

const word = (state: SharedState, slot: number, field: number): number =>
  state.segments[0].concurrency[concurrencyWord(slot) + field]

describe('an endpoint that is sent more than it takes', () => {
  it('has no limit at first, and is held near what it takes then', () => {
    const one = scene()
    expect(one.state.peek(one.slot, SLOT.LIMIT)).toBe(MOST)
    // What it takes alone.
    one.state.core.reserve(one.slot)
    expect(one.limits.sent(one.slot, START)).toBe(true)
    one.state.core.end(one.slot, START, OUTCOME.SUCCEEDED, 100)
    one.limits.answered(one.slot, START + 100, 100, true)
    expect(one.limits.baseMs(one.slot)).toBeCloseTo(100)
    overload(one)
    expect(-one.state.peek(one.slot, SLOT.LIMIT)).toBeGreaterThanOrEqual(1)
    expect(-one.state.peek(one.slot, SLOT.LIMIT)).toBeLessThanOrEqual(4)
  })

  it('has no limit while nobody gives up, however long answers take; then it is found', () => {
    const one = scene(MOST, false)
    overload(one)
    expect(one.state.peek(one.slot, SLOT.LIMIT)).toBe(MOST)
    one.impatience.note()
    overload(one, 10)
    expect(one.state.peek(one.slot, SLOT.LIMIT)).toBeLessThan(0)
  })

  it('a caller that gives up says so for all endpoints of the service', () => {
    const one = scene(MOST, false)
    const other = admit(one.state, one.member.service, endpoint('b'), SETTINGS)
    const limits = new AdaptiveLimits(one.state, one.impatience)
    limits.sent(other.slot, START)
    limits.answered(other.slot, START, 10, true)
    expect(one.impatience.isRecent).toBe(false)
    limits.aborted(other.slot, START, 4)
    expect(one.impatience.isRecent).toBe(false)
    limits.aborted(other.slot, START, 10)
    expect(one.impatience.isRecent).toBe(true)
    setNow(one.state, START + 59_000)
    expect(one.impatience.isRecent).toBe(true)
    setNow(one.state, START + 60_001)
    expect(one.impatience.isRecent).toBe(false)
  })

  it('takes requests while those in flight are answered ones: open streams', () => {
    const one = scene()
    overload(one)
    const { state, slot } = one
    while (state.core.reserve(slot));
    for (let i = 0; i < 50; i++) {
      state.core.answer(slot, START, OUTCOME.SUCCEEDED, -1)
      expect(state.core.reserve(slot)).toBe(true)
      expect(state.core.reserve(slot)).toBe(false)
    }
    expect(state.places(slot, 5)).toBe(0)
  })

  it('has no limit but the configured one when no more is sent than it takes, for a while', () => {
    const one = scene()
    overload(one)
    const { state, slot, limits } = one
    while (state.peek(slot, SLOT.IN_FLIGHT) > 0) state.core.end(slot, START, OUTCOME.CANCELLED, -1)
    let now = START + 100_000
    for (let i = 0; i < 1_000; i++) {
      setNow(state, now)
      expect(state.core.reserve(slot)).toBe(true)
      const few = limits.sent(slot, now)
      now += 100
      setNow(state, now)
      state.core.end(slot, now - 100, OUTCOME.SUCCEEDED, 100)
      limits.answered(slot, now, 100, few)
    }
    expect(state.peek(slot, SLOT.LIMIT)).toBe(MOST)
  })

  it('stays at what is configured, however it is found', () => {
    const one = scene(3)
    overload(one)
    const { state, slot } = one
    let inFlight = state.peek(slot, SLOT.IN_FLIGHT)
    while (state.core.reserve(slot)) {
      state.core.answer(slot, START, OUTCOME.SUCCEEDED, -1)
      inFlight++
    }
    expect(inFlight).toBe(3)
  })

  it('has its configured limit alone again once it is not adaptive any more, at once', () => {
    const one = scene()
    overload(one)
    configure(one.state, one.member, { ...SETTINGS, limit: 7, adaptive: false })
    expect(one.state.peek(one.slot, SLOT.LIMIT)).toBe(7)
    const before = [...one.state.segments[0].concurrency]
    expect(one.limits.sent(one.slot, START)).toBe(false)
    one.limits.answered(one.slot, START, 5, true)
    one.limits.aborted(one.slot, START, 500)
    expect([...one.state.segments[0].concurrency]).toEqual(before)
  })

  it('a new limit of the configuration leaves what was found', () => {
    const one = scene()
    overload(one)
    const found = one.state.peek(one.slot, SLOT.LIMIT)
    expect(found).toBeLessThan(0)
    one.state.setLimit(one.slot, 9)
    expect([one.state.peek(one.slot, SLOT.LIMIT), one.state.peek(one.slot, SLOT.MOST)]).toEqual([found, 9])
  })

  it('each thing that is kept of it has a place of its own', () => {
    const { state, slot, impatience } = scene()
    const record = new SharedConcurrency(state, impatience).of(slot)
    const names = Object.keys(initialState(0, MOST)).filter((name) => name !== 'impatientAt') as Exclude<
      keyof ConcurrencyState,
      'impatientAt'
    >[]
    for (const [i, name] of names.entries()) record[name] = i + 1
    expect(names.map((name) => Math.round(record[name]))).toEqual(names.map((_, i) => i + 1))
  })

  it('its record is empty for the next endpoint in the slot', () => {
    const one = scene()
    overload(one)
    const { state, slot } = one
    while (state.peek(slot, SLOT.IN_FLIGHT) > 0) state.core.end(slot, START, OUTCOME.CANCELLED, -1)
    state.claims.dropSlot(slot)
    const next = admit(state, 0, endpoint('b'), SETTINGS)
    expect(next.slot).toBe(slot)
    expect(one.limits.baseMs(slot)).toBe(0)
    expect(state.peek(slot, SLOT.LIMIT)).toBe(MOST)
  })
})

describe('requests that an endpoint has lost', () => {
  /** At its limit, and nothing is answered any more; the time. */
  function full() {
    const one = scene()
    overload(one)
    const { state, slot } = one
    while (state.core.reserve(slot));
    let now = START + 10_000
    const lookAfter = (ms: number): boolean => {
      now += ms
      setNow(state, now)
      return one.limits.relieve([one.member], now)
    }
    return { ...one, lookAfter, now: () => now }
  }

  it('count no more once they are older than ten mean latencies', () => {
    const { state, slot, limits, lookAfter } = full()
    const bound = 10 * limits.meanMs(slot)
    expect(bound).toBeGreaterThan(500)
    expect(lookAfter(0)).toBe(false)
    expect(lookAfter(bound - 1)).toBe(false)
    expect(state.core.reserve(slot)).toBe(false)
    expect(lookAfter(50)).toBe(true)
    const found = word(state, slot, CONCURRENCY.LIMIT)
    for (let i = 0; i < found; i++) expect(state.core.reserve(slot)).toBe(true)
    expect(state.core.reserve(slot)).toBe(false)
  })

  it('are those alone that are old: others are answered meanwhile, and take their places', () => {
    const { state, slot, limits, lookAfter, now } = full()
    const bound = 10 * limits.meanMs(slot)
    const inFlight = state.peek(slot, SLOT.IN_FLIGHT)
    lookAfter(0)
    expect(word(state, slot, CONCURRENCY.AGING)).toBe(inFlight)
    // All but one are answered, and others sent.
    for (let i = 1; i < inFlight; i++) {
      state.core.end(slot, START, OUTCOME.SUCCEEDED, 100)
      limits.ended(slot, START)
      state.core.reserve(slot)
    }
    // Those that were sent since take none off.
    limits.ended(slot, now() + 1)
    expect(word(state, slot, CONCURRENCY.AGING)).toBe(1)
    expect(lookAfter(bound + 1)).toBe(true)
    expect(word(state, slot, CONCURRENCY.OVERDUE)).toBe(1)
    expect(word(state, slot, CONCURRENCY.AGING)).toBe(inFlight - 1)
    expect(state.core.reserve(slot)).toBe(true)
    expect(state.core.reserve(slot)).toBe(false)
  })

  it('of one whose thread has ended, without a word, do not count for ever', () => {
    const { state, slot, limits, lookAfter } = full()
    lookAfter(0)
    while (state.peek(slot, SLOT.IN_FLIGHT) > 1) state.core.end(slot, START, OUTCOME.CANCELLED, -1)
    while (state.core.reserve(slot)) state.core.answer(slot, START, OUTCOME.SUCCEEDED, -1)
    while (state.core.reserve(slot));
    lookAfter(10 * limits.meanMs(slot) + 50)
    expect(word(state, slot, CONCURRENCY.OVERDUE)).toBeLessThanOrEqual(
      state.peek(slot, SLOT.IN_FLIGHT) - state.peek(slot, SLOT.OPEN),
    )
  })

  it('lift the limit where they are more than two, and half of it: they are long polls', () => {
    const { state, slot, limits, lookAfter } = full()
    const found = word(state, slot, CONCURRENCY.LIMIT)
    lookAfter(0)
    let looks = 0
    while (state.peek(slot, SLOT.LIMIT) < 0 && looks++ < 20) {
      while (state.core.reserve(slot));
      lookAfter(10 * limits.meanMs(slot) + 50)
    }
    expect(state.peek(slot, SLOT.LIMIT)).toBe(MOST)
    expect(state.peek(slot, SLOT.IN_FLIGHT)).toBeLessThanOrEqual(Math.max(6, 2 * found))
  })

  it('count again no more often than they end: each of them that is answered or given up takes one off', () => {
    const { state, slot, limits, lookAfter, now } = full()
    lookAfter(0)
    lookAfter(10 * limits.meanMs(slot) + 50)
    const overdue = word(state, slot, CONCURRENCY.OVERDUE)
    expect(overdue).toBe(state.peek(slot, SLOT.IN_FLIGHT))
    limits.ended(slot, now() + 1)
    expect(word(state, slot, CONCURRENCY.OVERDUE)).toBe(overdue)
    const held = state.peek(slot, SLOT.LIMIT)
    for (let left = overdue; left > 0; left--) {
      state.core.end(slot, START, OUTCOME.CANCELLED, -1)
      limits.ended(slot, START)
    }
    expect(word(state, slot, CONCURRENCY.OVERDUE)).toBe(0)
    expect(state.peek(slot, SLOT.LIMIT)).toBe(held + overdue)
    // What ends that was not among them takes nothing off.
    limits.ended(slot, START)
    expect(word(state, slot, CONCURRENCY.OVERDUE)).toBe(0)
  })

  it('are looked for on endpoints that are at a found limit, and nowhere else', () => {
    const { state, slot, limits, member } = scene(2)
    while (state.core.reserve(slot));
    for (let now = START; now < START + 60_000; now += 1_000) {
      setNow(state, now)
      expect(limits.relieve([member], now)).toBe(false)
    }
    expect(state.peek(slot, SLOT.LIMIT)).toBe(2)
  })
})

describe('over threads', () => {
  it('a thread that ended while it set a limit keeps nobody from it for longer than a second', () => {
    const one = scene()
    const { state, slot } = one
    const { concurrency } = state.segments[0]
    const lock = concurrencyWord(slot) + CONCURRENCY.ROLLING
    concurrency[lock] = (START * TICKS_PER_MS) | 1
    overload(one, 8)
    expect(state.peek(slot, SLOT.LIMIT)).toBe(MOST)
    expect(concurrency[lock]).toBe((START * TICKS_PER_MS) | 1)
    overload(one, 60)
    expect(state.peek(slot, SLOT.LIMIT)).toBeLessThan(0)
    expect(concurrency[lock]).toBe(0)
  })
})

describe('beside the plain record', () => {
  const step = fc.record({
    gapMs: fc.constantFrom(0, 1, 10, 50, 100, 1_000, 20_000),
    latencyMs: fc.constantFrom(1, 10, 20, 50, 100, 300, 2_000),
    kind: fc.constantFrom('answer', 'answer', 'answer', 'abort', 'send', 'send', 'send'),
  })

  it('the same requests give the same limit, with any most', () => {
    fc.assert(
      fc.property(
        fc.array(step, { minLength: 50, maxLength: 500 }),
        fc.constantFrom(1, 3, 20, 1_024),
        (steps, max) => {
          const { state, slot, limits } = scene(max)
          const plain = { ...initialState(0, max), impatientAt: START }
          let now = START
          const flying: boolean[] = []
          for (const { gapMs, latencyMs, kind } of steps) {
            now += gapMs
            setNow(state, now)
            const inFlight = state.peek(slot, SLOT.IN_FLIGHT)
            if (kind === 'send') {
              if (!state.core.reserve(slot)) continue
              flying.push(limits.sent(slot, now))
              noteSent(plain, now, inFlight + 1)
            } else if (flying.length > 0) {
              const few = flying.shift() as boolean
              state.core.end(slot, now, OUTCOME.CANCELLED, -1)
              const due =
                kind === 'abort'
                  ? noteAbort(plain, now, latencyMs, inFlight - 1)
                  : noteAnswer(plain, now, latencyMs, inFlight - 1, few)
              if (due) rollWindow(plain, now, inFlight - 1, max)
              if (kind === 'abort') limits.aborted(slot, now, latencyMs)
              else limits.answered(slot, now, latencyMs, few)
            }
            const held = state.peek(slot, SLOT.LIMIT)
            expect(held > 0 ? max : -held).toBe(plain.limit)
          }
        },
      ),
      { numRuns: 150, seed: 19 },
    )
  })
})
