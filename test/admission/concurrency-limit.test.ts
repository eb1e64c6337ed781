import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { rollWindow } from '../../lib/admission/concurrency-limit.js'
import {
  type ConcurrencyState,
  initialState,
  isDue,
  LIMITED,
  noteAbort,
  noteAnswer,
  noteSent,
  OPEN,
  PROBING,
} from '../../lib/admission/concurrency-state.js'

const MAX = 1_024

/** Callers give up now and then, for hours. */
const impatient = (): ConcurrencyState => ({ ...initialState(0, MAX), impatientAt: 10_000_000 })

/** One endpoint: `workers`, fixed service, one queue; a client that keeps as much in flight as it is allowed, up to `wanted`. */
class Loop {
  readonly state: ConcurrencyState
  now = 0
  /** When each worker is free; what is in flight, in the order in which it ends. */
  readonly #free: number[]
  readonly #flying: { sent: number; done: number; few: boolean }[] = []
  answered = 0

  constructor(
    workers: number,
    public serviceMs: number,
    state = impatient(),
  ) {
    this.state = state
    this.#free = Array.from({ length: workers }, () => 0)
  }

  get inFlight(): number {
    return this.#flying.length
  }

  setWorkers(workers: number): void {
    this.#free.length = Math.min(this.#free.length, workers)
    while (this.#free.length < workers) this.#free.push(this.now)
  }

  send(): void {
    const few = noteSent(this.state, this.now, this.#flying.length + 1)
    const worker = this.#free.indexOf(Math.min(...this.#free))
    const done = Math.max(this.now, this.#free[worker]) + this.serviceMs
    this.#free[worker] = done
    this.#flying.push({ sent: this.now, done, few })
  }

  /** Until `until`, as many in flight as is allowed; or `wanted`, where that is less. */
  run(until: number, wanted: number): void {
    for (;;) {
      while (this.#flying.length < Math.min(wanted, this.state.limit)) this.send()
      this.#flying.sort((a, b) => a.done - b.done)
      const next = this.#flying[0]
      if (next === undefined || next.done > until) break
      this.#flying.shift()
      this.now = next.done
      this.answered++
      if (noteAnswer(this.state, this.now, this.now - next.sent, this.#flying.length, next.few))
        rollWindow(this.state, this.now, this.#flying.length, MAX)
    }
    this.now = until
  }
}

describe('an endpoint of 4 workers, 100 ms a request', () => {
  let loop: Loop
  beforeEach(() => {
    loop = new Loop(4, 100)
  })

  it('has no limit where nobody gives up, whatever is wanted', () => {
    loop = new Loop(4, 100, initialState(0, MAX))
    loop.run(60_000, 200)
    expect(loop.state).toMatchObject({ phase: OPEN, limit: MAX })
    expect(loop.answered).toBeGreaterThan(0.98 * 40 * 60)
  })

  it('has no limit while it keeps up', () => {
    loop.run(30_000, 4)
    expect(loop.state).toMatchObject({ phase: OPEN, limit: MAX })
    expect(loop.state.baseMs).toBeCloseTo(100)
  })

  it('is held near two requests a worker where more is wanted, and stays busy', () => {
    loop.run(5_000, 1)
    loop.run(20_000, 200)
    const before = loop.answered
    loop.run(60_000, 200)
    expect(loop.state.phase).not.toBe(OPEN)
    expect(loop.state.limit).toBeGreaterThanOrEqual(3)
    expect(loop.state.limit).toBeLessThanOrEqual(12)
    expect(loop.answered - before).toBeGreaterThan(0.93 * 40 * 40)
  })

  it('finds more workers, and fewer', () => {
    loop.run(5_000, 1)
    loop.run(20_000, 200)
    loop.setWorkers(16)
    loop.run(30_000, 200)
    let before = loop.answered
    loop.run(40_000, 200)
    expect(loop.answered - before).toBeGreaterThan(0.9 * 10 * 160)
    loop.setWorkers(1)
    loop.run(60_000, 200)
    expect(loop.state.limit).toBeLessThanOrEqual(6)
    before = loop.answered
    loop.run(70_000, 200)
    expect(loop.answered - before).toBeGreaterThan(0.9 * 10 * 10)
  })

  it('is let go when the load is gone', () => {
    loop.run(5_000, 1)
    loop.run(20_000, 200)
    expect(loop.state.phase).not.toBe(OPEN)
    loop.run(50_000, 2)
    expect(loop.state).toMatchObject({ phase: OPEN, limit: MAX })
  })

  it('is measured anew when it has become slower, and stays busy', () => {
    loop.run(5_000, 1)
    loop.run(20_000, 200)
    loop.serviceMs = 400
    loop.run(60_000, 200)
    expect(loop.state.baseMs).toBeGreaterThan(250)
    expect(loop.state.baseMs).toBeLessThan(650)
    const before = loop.answered
    loop.run(100_000, 200)
    expect(loop.answered - before).toBeGreaterThan(0.85 * 40 * 10)
  })

  it('keeps what it knows over an idle hour', () => {
    loop.run(5_000, 1)
    loop.run(20_000, 200)
    loop.run(30_000, 0)
    const { limit, baseMs, work } = loop.state
    loop.run(3_630_000, 0)
    loop.run(3_630_101, 1)
    expect(loop.state.limit).toBeGreaterThanOrEqual(limit)
    expect(loop.state.baseMs).toBeCloseTo(baseMs, 0)
    expect(loop.state.work).toBeGreaterThanOrEqual(work)
  })
})

describe('an endpoint that is only slow', () => {
  it('is not limited: hundreds in flight, each answered after a minute', () => {
    const loop = new Loop(1_000, 60_000)
    loop.run(600_000, 700)
    expect(loop.state).toMatchObject({ phase: OPEN, limit: MAX })
    expect(loop.answered).toBe(7_000)
  })

  it('is not limited where nothing was answered yet and callers leave', () => {
    const state = impatient()
    for (let i = 1; i <= 500; i++) noteSent(state, i, i)
    for (let i = 500; i > 0; i--) {
      expect(noteAbort(state, 60_000 - i, 30_000, i)).toBe(false)
    }
    expect(state).toMatchObject({ phase: OPEN, limit: MAX })
  })

  it('is not limited by slow answers among prompt ones', () => {
    const state = impatient()
    for (let i = 0; i < 10_000; i++) {
      const few = noteSent(state, 10 * i, 20)
      if (noteAnswer(state, 10 * i, i % 5 === 0 ? 10_000 : 10, 19, few || i === 1))
        rollWindow(state, 10 * i, 19, MAX)
    }
    expect(state).toMatchObject({ phase: OPEN, limit: MAX })
  })
})

describe("callers' aborts", () => {
  const known = (): ConcurrencyState => ({ ...impatient(), baseMs: 100, baseSamples: 32, work: 10 })
  const leave = (state: ConcurrencyState, count: number, everyMs: number, ageMs: number, from = 1_000) => {
    for (let i = 1; i <= count; i++) {
      const now = from + everyMs * i
      if (noteAbort(state, now, ageMs, 0)) rollWindow(state, now, 0, MAX)
    }
  }

  it('lower the limit where more leave than are answered', () => {
    const state = known()
    for (let i = 1; i <= 40; i++) {
      if (noteAbort(state, 1_000 + 20 * i, 150, 20)) rollWindow(state, 1_000 + 20 * i, 20, MAX)
    }
    expect(state.phase).not.toBe(OPEN)
    expect(state.limit).toBeLessThan(30)
  })

  describe('that leave long polls', () => {
    /** Answers every 10 ms, each after `latencyMs`, and after each one of `polls` of 3 s that somebody leaves. */
    const pollBeside = (state: ConcurrencyState, polls: number, latencyMs = 100): void => {
      for (let i = 1; i <= 100; i++) {
        const now = 10_000 + 10 * i
        if (noteAnswer(state, now, latencyMs, 20, false)) rollWindow(state, now, 20, MAX)
        if (i <= polls) noteAbort(state, now, 3_000, 20)
      }
    }

    it('are known by the prompt answers that have overtaken them, and begin no limit for a minute', () => {
      const state = { ...known(), impatientAt: 0 }
      pollBeside(state, 50)
      expect(state.pollsAt).toBeGreaterThan(10_000)
      leave(state, 1_000, 20, 5_000, 20_000)
      expect(state).toMatchObject({ phase: OPEN, limit: MAX, aborts: 0, late: 0 })
      // They tell of impatient callers all the same.
      expect(state.impatientAt).toBe(40_000)
      leave(state, 100, 20, 5_000, state.pollsAt + 60_000)
      expect(state.phase).not.toBe(OPEN)
    })

    it('are not known by two, nor where answers are not prompt, nor where more leave what nobody has overtaken', () => {
      const two = known()
      pollBeside(two, 2)
      const slow = known()
      pollBeside(slow, 50, 190)
      const leaving = known()
      for (let i = 1; i <= 10; i++) {
        const now = 10_000 + 10 * i
        noteAnswer(leaving, now, 100, 20, false)
        noteAbort(leaving, now, 3_000, 20)
        noteAbort(leaving, now, 80, 20)
      }
      expect(leaving).toMatchObject({ overtaken: 10, aborts: 10 })
      rollWindow(leaving, 10_200, 20, MAX)
      for (const state of [two, slow, leaving]) expect(state.pollsAt).toBe(0)
    })

    it('are known by three in one window, not by two in each', () => {
      const state = known()
      const window = (at: number, polls: number): void => {
        for (let i = 0; i < 10; i++) noteAnswer(state, at, 100, 20, false)
        for (let i = 0; i < polls; i++) noteAbort(state, at, 3_000, 20)
        rollWindow(state, at, 20, MAX)
      }
      window(10_000, 2)
      window(10_200, 2)
      expect(state.pollsAt).toBe(0)
      window(10_400, 3)
      expect(state.pollsAt).toBe(10_400)
    })

    it('are no requests of four bases', () => {
      const state = known()
      noteAnswer(state, 10_000, 100, 20, false)
      noteAbort(state, 10_000, 400, 20)
      expect(state.overtaken).toBe(0)
      noteAbort(state, 10_000, 401, 20)
      expect(state.overtaken).toBe(1)
    })

    it('do not keep late answers from beginning one', () => {
      const state = { ...known(), pollsAt: 9_000, impatientAt: 9_000 }
      for (let now = 10_000; now < 11_000 && state.phase === OPEN; now += 100)
        if (noteAnswer(state, now, 500, 20, false)) rollWindow(state, now, 20, MAX)
      expect(state.phase).not.toBe(OPEN)
    })
  })

  it('of requests that later ones have overtaken say nothing: they are long at work, or long polls', () => {
    const state = { ...known(), impatientAt: 0 }
    noteAnswer(state, 10_000, 100, 20, false)
    expect(state.answeredSentAt).toBe(9_900)
    noteAbort(state, 10_000, 101, 20)
    expect(state).toMatchObject({ aborts: 0, impatientAt: 0 })
    noteAbort(state, 10_000, 100, 20)
    expect(state).toMatchObject({ aborts: 1, impatientAt: 10_000 })
  })

  it('after ten seconds say nothing: who waits for so long is not impatient', () => {
    const state = { ...known(), impatientAt: 0 }
    noteAbort(state, 50_000, 10_001, 20)
    expect(state).toMatchObject({ aborts: 0, impatientAt: 0 })
    noteAbort(state, 50_000, 10_000, 20)
    expect(state).toMatchObject({ aborts: 1, impatientAt: 50_000 })
  })

  it('lift the limit where it is the least, and nobody has been answered for long', () => {
    const state = { ...known(), phase: LIMITED, limit: 2, work: 1, busyAt: 1_000, neededAt: 1_000 }
    leave(state, 60, 300, 500)
    expect(state.phase).not.toBe(OPEN)
    expect(state.limit).toBeLessThanOrEqual(2)
    leave(state, 30, 300, 500, 19_000)
    expect(state).toMatchObject({ phase: OPEN, limit: MAX })
    // Those who go on leaving do not bring it back; late answers do.
    leave(state, 100, 300, 500, 28_000)
    expect(state.phase).toBe(OPEN)
    for (let now = 60_000; now < 61_000 && state.phase === OPEN; now += 100)
      if (noteAnswer(state, now, 500, 20, false)) rollWindow(state, now, 20, MAX)
    expect(state.phase).not.toBe(OPEN)
  })

  it('do not lift it while the endpoint works', () => {
    const state = { ...known(), phase: LIMITED, limit: 2, work: 1, busyAt: 1_000, neededAt: 1_000 }
    for (let now = 1_000; now < 60_000; now += 300) {
      leave(state, 2, 10, 290, now)
      if (noteAnswer(state, now + 100, 90, 1, false)) rollWindow(state, now + 100, 1, MAX)
    }
    expect(state.phase).not.toBe(OPEN)
  })

  describe('where nobody was ever answered', () => {
    const unanswered = () => ({ ...initialState(0, MAX), impatientAt: 0 })

    it('begin a limit once they are many, which is right as soon as there are answers', () => {
      const state = unanswered()
      leave(state, 15, 20, 1_000)
      expect(state).toMatchObject({ phase: OPEN, limit: MAX, impatientAt: 1_300 })
      leave(state, 1, 20, 1_000, 1_300)
      expect(state).toMatchObject({ phase: PROBING, limit: 1, draining: 0 })
      const loop = new Loop(4, 100, state)
      loop.now = 2_000
      loop.run(22_000, 200)
      const before = loop.answered
      loop.run(42_000, 200)
      expect(Math.abs(state.baseMs - 100)).toBeLessThan(25)
      expect(loop.answered - before).toBeGreaterThan(0.93 * 40 * 20)
    })

    it('say nothing where they change their minds at once', () => {
      const state = unanswered()
      leave(state, 1_000, 5, 100)
      expect(state).toMatchObject({ phase: OPEN, limit: MAX, aborts: 0, impatientAt: 0 })
    })

    it('begin a limit that is gone after a while where nobody is answered then', () => {
      const state = unanswered()
      leave(state, 30, 300, 900)
      expect(state.phase).not.toBe(OPEN)
      leave(state, 60, 300, 900, 10_000)
      expect(state).toMatchObject({ phase: OPEN, limit: MAX })
    })
  })

  it('never lift the limit above the highest, whatever the estimate', () => {
    const state = { ...known(), phase: LIMITED, limit: 4, work: 500 }
    for (let i = 1; i <= 40; i++) {
      if (noteAbort(state, 1_000 + 20 * i, 150, 4)) rollWindow(state, 1_000 + 20 * i, 4, 4)
    }
    expect(state.phase).toBe(PROBING)
    expect(state.limit).toBeLessThanOrEqual(4)
  })

  it('say nothing when they are younger than half the base', () => {
    const state = known()
    for (let i = 1; i <= 400; i++) noteAbort(state, 1_000 + 20 * i, 49, 20)
    expect(state).toMatchObject({ phase: OPEN, limit: MAX, aborts: 0 })
  })

  it('of requests from before a cut say nothing', () => {
    const state = { ...known(), phase: LIMITED, limit: 20, cutAt: 5_000 }
    noteAbort(state, 5_500, 600, 10)
    expect(state.aborts).toBe(0)
    noteAbort(state, 5_500, 400, 10)
    expect(state.aborts).toBe(1)
  })
})

const isSound = (state: ConcurrencyState, max: number): boolean =>
  Object.values(state).every((value) => Number.isFinite(value) && value >= 0) &&
  Number.isInteger(state.limit) &&
  state.limit >= 1 &&
  state.limit <= max &&
  [OPEN, LIMITED, PROBING].includes(state.phase)

describe('for any sequence of outcomes', () => {
  const step = fc.record({
    gapMs: fc.oneof(fc.double({ min: 0, max: 500, noNaN: true }), fc.constantFrom(0, 3_600_000)),
    latencyMs: fc.oneof(fc.double({ min: 0, max: 20_000, noNaN: true }), fc.constantFrom(0, 0.0625, 60_000)),
    inFlight: fc.integer({ min: 0, max: 2_000 }),
    kind: fc.constantFrom('answer', 'answer', 'answer', 'abort'),
    sent: fc.integer({ min: 0, max: 3 }),
  })

  /** Any state that a caller may find in memory. */
  const found = fc.record({
    phase: fc.constantFrom(OPEN, LIMITED, PROBING),
    draining: fc.constantFrom(0, 1),
    baseMs: fc.double({ min: 0.0625, max: 60_000, noNaN: true }),
    baseSamples: fc.integer({ min: 1, max: 48 }),
    work: fc.double({ min: 0, max: 10_000, noNaN: true }),
  })

  it('the limit is a whole number from 1 to the highest, all numbers are finite, and none is negative', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 400 }),
        fc.integer({ min: 1, max: 2_000 }),
        fc.option(found),
        (steps, max, from) => {
          const state = { ...initialState(0, max), impatientAt: 1e12, ...from }
          let now = 0
          for (const { gapMs, latencyMs, inFlight, kind, sent } of steps) {
            now += gapMs
            let few = false
            for (let i = 1; i <= sent; i++) few = noteSent(state, now, inFlight + i)
            const due =
              kind === 'abort'
                ? noteAbort(state, now, latencyMs, inFlight)
                : noteAnswer(state, now, latencyMs, inFlight, few)
            if (due) rollWindow(state, now, inFlight, max)
            if (!isSound(state, max)) expect.fail(JSON.stringify({ max, ...state }))
          }
        },
      ),
      { numRuns: 300, seed: 19 },
    )
  })

  it('asking whether a window is due changes nothing', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const state = impatient()
        let now = 0
        for (const { gapMs, latencyMs, inFlight } of steps) {
          now += gapMs
          noteAnswer(state, now, latencyMs, inFlight, true)
          const before = { ...state }
          isDue(state, now, inFlight)
          expect(state).toEqual(before)
        }
      }),
      { numRuns: 100, seed: 19 },
    )
  })

  it('more answers in the same window never mean a lower limit', () => {
    const limitAfter = (answers: number, latencyMs: number): number => {
      const state = {
        ...impatient(),
        baseMs: 100,
        baseSamples: 32,
        work: 1,
        phase: LIMITED,
        limit: 4,
      }
      state.reached = 1
      state.neededAt = 0
      for (let i = 0; i < answers; i++) noteAnswer(state, 1_000, latencyMs, 4, false)
      rollWindow(state, 1_000, 4, MAX)
      return state.limit
    }
    fc.assert(
      fc.property(
        fc.integer({ min: 16, max: 500 }),
        fc.integer({ min: 0, max: 500 }),
        fc.integer({ min: 100, max: 135 }),
        (few, more, latencyMs) => {
          expect(limitAfter(few + more, latencyMs)).toBeGreaterThanOrEqual(limitAfter(few, latencyMs))
        },
      ),
      { numRuns: 300, seed: 19 },
    )
  })
})
