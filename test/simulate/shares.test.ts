/** Shares of traffic at constant, equal latency: one request at a time and under load, through the shipped balancer. */
import { describe, expect, it } from 'vitest'
import { type SimulatedPolicy, type SimulationConfig, simulate } from '../../lib/simulate/index.js'

const SERVICE_MS = 5
/** One request at a time: the next one comes when the last one was answered long ago. */
const QUIET = 10
/** A hundred at a time. */
const BUSY = 20_000

async function shares(policy: SimulatedPolicy, weights: number[], config: Partial<SimulationConfig> = {}) {
  const [result] = await simulate({
    requests: 4_000,
    load: { rate: QUIET, arrivals: 'constant' },
    serviceTime: SERVICE_MS,
    endpoints: weights.map((weight) => ({ weight, workers: 0, region: 'eu' })),
    policies: [policy],
    ...config,
  })
  expect(result.answered).toBe(result.requests)
  return result.endpoints.map(({ share }) => share)
}

const LOAD_AWARE: SimulatedPolicy[] = [
  'peak-ewma',
  'least-request',
  { name: 'least-request', choices: 3 },
  { name: 'least-request', choices: 'all' },
  'least-response-time',
  'resource-based',
  'adaptive',
  'geographic',
  'prequal',
  { name: 'prequal', probePath: '/load' },
  'join-idle-queue',
]

describe('equals get equal shares, one request at a time', () => {
  it.each(LOAD_AWARE)('%j, two of them', async (policy) => {
    for (const share of await shares(policy, [1, 1])) expect(Math.abs(share - 0.5)).toBeLessThan(0.05)
  })

  it.each(LOAD_AWARE)('%j, five of them', async (policy) => {
    for (const share of await shares(policy, [1, 1, 1, 1, 1]))
      expect(Math.abs(share - 0.2)).toBeLessThan(0.04)
  })

  it.each(LOAD_AWARE)('%j, though one takes three times as long: 15 ms instead of 5', async (policy) => {
    const endpoints = [{ workers: 0, speed: 1 / 3 }, { workers: 0 }]
    for (const share of await shares(policy, [], { endpoints })) expect(share).toBeGreaterThan(0.25)
  })

  it.each(LOAD_AWARE)('%j, though one had a hiccup', async (policy) => {
    // 40 ms instead of 5 for a second of 400.
    const slow = { fromMs: 100_000, untilMs: 101_000, slowBy: 8 }
    const endpoints = [{ workers: 0, incidents: [slow] }, { workers: 0 }]
    for (const share of await shares(policy, [], { endpoints })) expect(share).toBeGreaterThan(0.4)
  })
})

describe('an endpoint that is really slower is left, at rest too', () => {
  it.each<SimulatedPolicy>(['peak-ewma', 'least-response-time', 'resource-based', 'adaptive', 'prequal'])(
    '%s',
    async (policy) => {
      const endpoints = [
        { workers: 0, incidents: [{ fromMs: 0, untilMs: 9e5, slowBy: 40 }] },
        { workers: 0 },
        { workers: 0 },
      ]
      const [slow, one, other] = await shares(policy, [], { endpoints })
      expect(slow).toBeLessThan(0.08)
      // What it does not get is shared by the others.
      expect(Math.abs(one - other)).toBeLessThan(0.1)
    },
  )
})

const BY_WEIGHT: SimulatedPolicy[] = [
  'peak-ewma',
  'least-request',
  { name: 'least-request', choices: 3 },
  { name: 'least-request', choices: 'all' },
  { name: 'least-request', bias: 0 },
  'least-response-time',
  'geographic',
  'weighted-round-robin',
  'weighted-random',
  // Of requests without a key.
  'maglev',
  'rendezvous',
]

describe('weights are shares: 9 : 1 within 10 per cent', () => {
  it.each<SimulatedPolicy>([
    ...BY_WEIGHT,
    { name: 'least-request', bias: 2 },
    { name: 'least-request', bias: 0.5 },
  ])('%j, one request at a time', async (policy) => {
    const [, small] = await shares(policy, [9, 1], { requests: 20_000 })
    expect(Math.abs(small / 0.1 - 1)).toBeLessThan(0.1)
  })

  it.each(BY_WEIGHT)('%j, a hundred at a time', async (policy) => {
    const [, small] = await shares(policy, [9, 1], {
      requests: 40_000,
      load: { rate: BUSY },
    })
    expect(Math.abs(small / 0.1 - 1)).toBeLessThan(0.1)
  })

  it.each(BY_WEIGHT)('%j, among five', async (policy) => {
    const weights = [1, 4, 2, 2, 1]
    const seen = await shares(policy, weights, { requests: 20_000 })
    for (const [i, share] of seen.entries()) expect(Math.abs(share / (weights[i] / 10) - 1)).toBeLessThan(0.1)
  })

  it('as a negative: policies that ignore weights', async () => {
    for (const policy of ['random', 'round-robin', 'join-idle-queue'] as const) {
      const [, small] = await shares(policy, [9, 1])
      expect(small).toBeGreaterThan(0.4)
    }
  })
})
