/** Goodput under overload with nothing configured: a few of the shapes that the limiter was chosen on. The table has them all. */
import { describe, expect, it } from 'vitest'
import { Adaptive } from './overload/adaptive.js'
import { runOverload } from './overload/model.js'
import { FixedLimit } from './overload/originals.js'
import type { Limiter, Outcome, Shape } from './overload/shape.js'
import { SCALED } from './overload/shapes.js'

const BASE: Shape = {
  endpoints: 3,
  workers: 4,
  service: 'exponential',
  meanMs: 20,
  load: 2,
  deadlineMs: 1_000,
  deadlineKnown: false,
  noticesAborts: false,
  durationMs: 20_000,
  seed: 5,
  pick: 'least-request',
}

const run = (shape: Partial<Shape>, limiterOf: () => Limiter = () => new Adaptive()): Outcome =>
  runOverload({ ...BASE, ...shape }, SCALED, limiterOf)

describe('goodput, of capacity, with callers who leave in silence and endpoints that do not notice', () => {
  it.each([
    { workers: 1, load: 4 },
    { workers: 4, load: 2, service: 'lognormal' },
    { workers: 16, load: 4, service: 'fixed', endpoints: 2 },
    { workers: 16, load: 2, pick: 'peak-ewma' },
    { workers: 4, load: 4, meanMs: 100, service: 'bimodal', deadlineMs: 3_000, deadlineKnown: true },
    { workers: 16, load: 2, meanMs: 100, service: 'fixed' },
  ] satisfies Partial<Shape>[])('is at least 0.9: %o', (shape) => {
    expect(run(shape).goodput).toBeGreaterThan(0.9)
  })

  it('as a negative: without a limit there is next to none', () => {
    expect(run({}, () => new FixedLimit()).goodput).toBeLessThan(0.1)
  })
})

describe('below capacity', () => {
  it('bursts of 100 over 48 workers lose nothing', () => {
    const { refused, missed, arrived } = run({
      workers: 16,
      load: 0.1,
      burst: { everyMs: 2_000, count: 100 },
      countFromMs: 0,
    })
    expect(arrived).toBeGreaterThan(1_000)
    expect(refused).toBe(0)
    expect(missed).toBe(0)
  })

  it('long polls are not refused, nor answers of 10 s among those of 10 ms', () => {
    const polls = run({
      service: 'poll',
      workers: 1_000,
      meanMs: 60_000,
      load: 0.1,
      deadlineMs: 0,
      durationMs: 180_000,
    })
    expect(polls).toMatchObject({ refused: 0, limits: [1_024, 1_024, 1_024] })
    const mixed = run({ service: 'mixed', workers: 100, meanMs: 110, load: 0.5, deadlineMs: 0 })
    expect(mixed.refused).toBe(0)
  })

  it('recovers within 2 s of the load falling', () => {
    const { refused, missed } = run({
      workers: 4,
      load: 4,
      changes: [{ atMs: 15_000, load: 0.5 }],
      countFromMs: 17_000,
    })
    expect(refused + missed).toBeLessThan(0.005)
  })
})

it('sixteen times the workers, or a sixteenth, are found within 10 s', () => {
  const times = { durationMs: 25_000, countFromMs: 20_000 }
  const more = run({
    ...times,
    deadlineKnown: true,
    workers: 1,
    load: 32,
    changes: [{ atMs: 10_000, workers: 16 }],
  })
  expect(more.goodput).toBeGreaterThan(0.9)
  const fewer = run({
    ...times,
    deadlineKnown: true,
    workers: 16,
    load: 2,
    changes: [{ atMs: 10_000, workers: 1 }],
  })
  expect(fewer.goodput).toBeGreaterThan(0.9)
})
