/**
 * Figures of theory, and of earlier simulations, for policies over FIFO endpoints: service exponential of mean 1, Poisson
 * arrivals. Checked with few requests in each test run, with millions of them among the long tests.
 */
import { expect } from 'vitest'
import type { PolicyConfig, PolicyName } from '../../lib/model/index.js'
import { exponential, meanOf, type QueueingResult, quantileOf, simulate } from './queueing.js'

interface Row {
  readonly policy: PolicyName
  readonly options?: Partial<PolicyConfig>
  readonly mean: number
  readonly p99: number
}

/** 10 endpoints at a load of 0.9. `random` is M/M/1: 1 / (1 - l), and ln(100) times that. */
export const AT_NINE_TENTHS: readonly Row[] = [
  { policy: 'random', mean: 10, p99: 46.05 },
  { policy: 'round-robin', mean: 5.7, p99: 24.8 },
  { policy: 'least-request', mean: 2.98, p99: 10.5 },
  { policy: 'join-idle-queue', mean: 2.44, p99: 13 },
  { policy: 'least-request', options: { choices: 'all' }, mean: 1.94, p99: 8.3 },
]

const MEAN_TOLERANCE = 0.05
const P99_TOLERANCE = 0.1

export function queue(
  policy: PolicyName,
  options: Partial<PolicyConfig>,
  endpoints: number,
  load: number,
  requests: number,
  seed: number,
): QueueingResult {
  return simulate({
    policy,
    options,
    endpoints,
    requests,
    rate: load * endpoints,
    seed,
    warmUp: requests / 10,
    service: (random) => exponential(random, 1),
  })
}

/** Whether a run is what the row says, within its tolerance. */
export function isAs({ latencies }: QueueingResult, row: Pick<Row, 'mean' | 'p99'>): boolean {
  const off = (measured: number, expected: number) => Math.abs(measured / expected - 1)
  return (
    off(meanOf(latencies), row.mean) <= MEAN_TOLERANCE &&
    off(quantileOf(latencies, 0.99), row.p99) <= P99_TOLERANCE
  )
}

export function expectRow(row: Row, requests: number, seed: number): void {
  const { policy, options = {} } = row
  const run = queue(policy, options, 10, 0.9, requests, seed)
  const seen = `mean ${meanOf(run.latencies)}, p99 ${quantileOf(run.latencies, 0.99)}`
  expect(isAs(run, row), `${policy}: ${seen}, not ${row.mean} and ${row.p99}`).toBe(true)
}

/** Mitzenmacher: s_i = l^(2^i - 1), and the mean time is their sum over l. */
export function powerOfTwoChoices(load: number): { mean: number; tail: number[] } {
  const tail = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((i) => load ** (2 ** i - 1))
  return { mean: tail.reduce((sum, s) => sum + s) / load, tail }
}
