/** The parts of the simulator, each against what can be worked out by hand. */
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../lib/errors.js'
import { Agenda } from '../../lib/simulate/agenda.js'
import { arrivalsOf, rampOf } from '../../lib/simulate/arrivals.js'
import type { ArrivalsConfig, ServiceTimeConfig, SimulationConfig } from '../../lib/simulate/config.js'
import { distributionOf } from '../../lib/simulate/distributions.js'
import { EventQueue } from '../../lib/simulate/events.js'
import { Keys } from '../../lib/simulate/keys.js'
import { START_MS } from '../../lib/simulate/machine.js'
import { parseSimulation } from '../../lib/simulate/parse.js'
import { RandomStream } from '../../lib/simulate/random.js'
import { seeded } from '../support/seeded.mjs'

describe('the queue of events', () => {
  it('gives them in order of time, and of two at one time the first pushed first', () => {
    const below = seeded(3)
    const events = new EventQueue()
    const pushed: { time: number; order: number }[] = []
    const taken: { time: number; order: number }[] = []
    const take = () => {
      taken.push({ time: events.time, order: events.subject })
      events.pop()
    }
    for (let order = 0; order < 5_000; order++) {
      // Not before what was taken already, as in a simulation.
      const time = (taken.at(-1)?.time ?? 0) + below(20)
      pushed.push({ time, order })
      events.push(time, 1, order)
      if (below(3) === 0) take()
    }
    while (events.size > 0) take()
    expect(taken).toEqual(pushed.sort((a, b) => a.time - b.time || a.order - b.order))
  })

  it('gives those that were retained in the same order', () => {
    const below = seeded(4)
    for (const length of [0, 1, 2, 3, 10, 1_000]) {
      const events = new EventQueue()
      const pushed = Array.from({ length }, (_, order) => ({ time: below(50), order, kind: below(3) }))
      for (const { time, kind, order } of pushed) events.push(time, kind, order)
      events.retain((kind, subject) => kind !== 1 && subject % 7 !== 0)
      const kept = pushed.filter(({ kind, order }) => kind !== 1 && order % 7 !== 0)
      const taken: number[] = []
      for (; events.size > 0; events.pop()) taken.push(events.subject)
      const inOrder = kept.sort((a, b) => a.time - b.time || a.order - b.order)
      expect(taken).toEqual(inOrder.map(({ order }) => order))
    }
  })
})

describe('timers', () => {
  const nothing = () => {}

  it('run at their time, but for those that were cancelled, however many', () => {
    const agenda = new Agenda()
    const ran: number[] = []
    const handles = Array.from({ length: 10_000 }, (_, i) =>
      agenda.at(START_MS + 10 + (i % 100), () => ran.push(i)),
    )
    for (const [i, handle] of handles.entries()) if (i % 1_000 !== 7) handle.cancel()
    // Twice is once.
    handles[0].cancel()
    while (agenda.elapsed() < 109) {
      agenda.push(START_MS + 109, 1, 0)
      agenda.next(nothing)
    }
    expect(ran).toEqual([7, 1_007, 2_007, 3_007, 4_007, 5_007, 6_007, 7_007, 8_007, 9_007])
  })

  it('that are cancelled at once, of an hour each, do not pile up', () => {
    const agenda = new Agenda()
    for (let i = 0; i < 100_000; i++) {
      agenda.at(START_MS + 3_600_000 + i, nothing).cancel()
      if (i % 100 === 0) agenda.at(START_MS + 3_600_000 + i, nothing)
    }
    expect(agenda.length).toBeLessThan(4_000)
  })
})

describe('service times have the mean that they say', () => {
  it.each<[ServiceTimeConfig, number]>([
    [12, 12],
    [{ exponential: { meanMs: 12 } }, 12],
    [{ logNormal: { medianMs: 10, sigma: 0.5 } }, 10 * Math.exp(0.125)],
    [{ pareto: { minMs: 10, alpha: 3 } }, 15],
    [{ bimodal: { fastMs: 10, slowMs: 110, slowShare: 0.1 } }, 20],
    [{ empirical: [1, 2, 6] }, 3],
  ])('%j', (config, mean) => {
    const { mean: said, sample } = distributionOf(config)
    const random = new RandomStream(1, 0)
    let sum = 0
    const n = 200_000
    for (let i = 0; i < n; i++) sum += sample(random)
    expect(said).toBeCloseTo(mean, 9)
    // Five standard deviations of the mean at most.
    expect(Math.abs(sum / n / mean - 1)).toBeLessThan(0.02)
  })
})

describe('arrivals', () => {
  const times = (arrivals: ArrivalsConfig, count: number, ramp?: SimulationConfig['load']['ramp']) => {
    const next = arrivalsOf({ arrivals, ramp }, 1_000, new RandomStream(2, 0))
    const all: number[] = []
    for (let now = next(0); all.length < count; now = next(now)) all.push(now)
    return all
  }
  /** Variance over mean of the counts in windows of 100 ms: 1 for Poisson, 0 for constant. */
  const dispersion = (all: readonly number[]) => {
    const counts = new Array<number>(Math.floor(all[all.length - 1] / 100)).fill(0)
    for (const at of all) if (at < counts.length * 100) counts[Math.floor(at / 100)]++
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length
    return counts.reduce((sum, count) => sum + (count - mean) ** 2, 0) / counts.length / mean
  }

  it.each<[ArrivalsConfig, number, number]>([
    ['poisson', 0.9, 1.1],
    ['constant', 0, 0.02],
    [{ onOff: { onMs: 200, offMs: 200 } }, 5, 200],
    [{ onOff: { onMs: 200, offMs: 200, offShare: 1 } }, 0.9, 1.1],
  ])('%j: 1,000 a second, dispersion %d to %d', (arrivals, least, most) => {
    const all = times(arrivals, 200_000)
    expect(Math.abs(all[all.length - 1] / 200_000 - 1)).toBeLessThan(0.06)
    expect(dispersion(all)).toBeGreaterThanOrEqual(least)
    expect(dispersion(all)).toBeLessThanOrEqual(most)
  })

  it.each(['poisson', 'constant'] as const)('%s follows a ramp', (arrivals) => {
    const ramp = [
      { atMs: 10_000, factor: 1 },
      { atMs: 10_000, factor: 3 },
      { atMs: 20_000, factor: 1 },
    ]
    const all = times(arrivals, 60_000, ramp)
    const between = (from: number, until: number) => all.filter((at) => at >= from && at < until).length
    expect(Math.abs(between(0, 10_000) / 10_000 - 1)).toBeLessThan(0.05)
    expect(Math.abs(between(10_000, 20_000) / 20_000 - 1)).toBeLessThan(0.05)
    expect(Math.abs(between(20_000, 30_000) / 10_000 - 1)).toBeLessThan(0.05)
  })

  it('come from a trace, and end with it', () => {
    const next = arrivalsOf({ arrivals: { trace: [1, 5, 5] } }, 0, new RandomStream(1, 0))
    expect([next(0), next(1), next(5), next(5)]).toEqual([1, 5, 5, Number.POSITIVE_INFINITY])
  })

  it('a ramp is a line between its points, level beyond them', () => {
    const factor = rampOf([
      { atMs: 10, factor: 1 },
      { atMs: 20, factor: 3 },
      { atMs: 20, factor: 5 },
    ])
    expect([0, 10, 15, 20, 99].map(factor)).toEqual([1, 1, 2, 5, 5])
  })
})

it('keys are as frequent as Zipf says', () => {
  const keys = new Keys({ count: 4, zipf: 1 })
  const random = new RandomStream(1, 0)
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < 100_000; i++) counts[keys.draw(random)]++
  const harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
  counts.forEach((count, i) => {
    expect(Math.abs(count / 100_000 - 1 / (i + 1) / harmonic)).toBeLessThan(0.01)
  })
  expect(keys.text(3)).toBe('key-3')
})

describe('a configuration is refused with every fault', () => {
  const good = (): SimulationConfig => ({
    requests: 10,
    load: { rate: 10 },
    serviceTime: 1,
    endpoints: [{ count: 2 }],
  })
  const faultsOf = (changed: object): string[] => {
    try {
      parseSimulation({ ...good(), ...changed })
    } catch (error) {
      return (error as ConfigError).faults.map(({ path, message }) => `${path}: ${message}`)
    }
    return []
  }

  it('and taken when it is right', () => {
    expect(faultsOf({})).toEqual([])
  })

  it.each<[object, string]>([
    [{ load: {} }, 'load: must have `rate` or `utilization`'],
    [{ load: { rate: 1, utilization: 1 } }, 'load: has both'],
    [
      { load: { utilization: 1 }, endpoints: [{ workers: 0 }] },
      'load.utilization: is a share of the capacity',
    ],
    [{ load: { rate: 0 } }, 'load.rate: must be'],
    [{ load: { rate: 1, arrivals: 'bursts' } }, 'load.arrivals: must be `poisson`'],
    [{ load: { arrivals: { trace: [2, 1] } } }, 'load.arrivals.trace[1]: is earlier'],
    [
      {
        load: {
          rate: 1,
          ramp: [
            { atMs: 2, factor: 1 },
            { atMs: 1, factor: 1 },
          ],
        },
      },
      'load.ramp[1].atMs: is before',
    ],
    [{ requests: undefined }, 'requests: is missing'],
    [{ serviceTime: {} }, 'serviceTime: must have exactly one'],
    [{ serviceTime: { exponential: { mean: 3 } } }, 'serviceTime.exponential.mean: unknown key'],
    [{ serviceTime: { pareto: { minMs: 1, alpha: 1 } } }, 'serviceTime.pareto.alpha: must be'],
    [{ endpoints: [] }, 'endpoints: is empty'],
    [{ endpoints: [{ count: 2 }, { weight: -1 }] }, 'endpoints[1].weight: must be'],
    [
      { endpoints: [{ incidents: [{ fromMs: 2, untilMs: 1, slowBy: 2 }] }] },
      'endpoints[0].incidents[0]: ends',
    ],
    [{ endpoints: [{ incidents: [{ fromMs: 1, untilMs: 2 }] }] }, 'endpoints[0].incidents[0]: must have'],
    [
      { endpoints: [{ incidents: [{ fromMs: 1, untilMs: 2, longPolls: { share: 2, ms: 1 } }] }] },
      'endpoints[0].incidents[0].longPolls.share: must be',
    ],
    [
      { endpoints: [{ incidents: [{ fromMs: 1, untilMs: 2, fail: 'hang', share: 0.5 }] }] },
      'endpoints[0].incidents[0]: `share` is for',
    ],
    [{ lateness: { everyMs: 10, forMs: 10 } }, 'lateness.forMs: must be less than `everyMs`'],
    [{ endpoints: [{ antagonist: { holdMs: 5 } }] }, 'endpoints[0].antagonist: must have either'],
    [{ policies: ['peak-ewma', 'peek-ewma'] }, 'policies[1]: unknown policy "peek-ewma"'],
    [{ policies: [{ name: 'prequal', decayMs: 3 }] }, 'policies[0].decayMs:'],
    [{ service: { limits: { maxRequests: -1 } } }, 'service.limits.maxRequests: must be'],
    [{ service: { policy: 'random' } }, 'service.policy: stands outside, under `policies`'],
    [{ servers: 3 }, 'servers: unknown key'],
    [{ queue: true }, 'queue: unknown key'],
    [{ service: { queue: { discipline: 'lifo' } } }, 'service.queue.discipline: must be'],
    [{ deadlineMs: 5, deadline: 'guessed' }, 'deadline: must be'],
    [{ deadline: 'known' }, 'deadline: says how the deadline is known; there is no `deadlineMs`'],
    [{ tiers: [0.5, 0.4] }, 'tiers: sum up to 0.9, not to 1'],
    [{ tiers: [0.2, 0.2, 0.2, 0.2, 0.2] }, 'tiers: are 5; there are 4'],
    [{ tiers: [] }, 'tiers'],
    [{ tiers: [2, -1] }, 'tiers[1]: must be'],
    [{ endpoints: [{ noticesAborts: 1 }] }, 'endpoints[0].noticesAborts: must be'],
  ])('%j', (changed, fault) => {
    expect(faultsOf(changed).join('\n')).toContain(fault)
  })

  it('all at once', () => {
    expect(faultsOf({ seed: -1, requests: 0, endpoints: [{ workers: -1 }] })).toHaveLength(3)
    expect(() => parseSimulation(undefined)).toThrow(ConfigError)
  })
})
