/** M/M/n by Erlang's formula, and as the simulator has it: one slot for each endpoint, and a queue that refuses nobody. */
import { expect } from 'vitest'
import { type PolicyResult, type SimulationConfig, simulate } from '../../lib/simulate/index.js'
import { ENDLESS_QUEUE } from './figures.js'

export interface MMn {
  /** Mean time from arrival to answer, in mean service times. */
  readonly mean: number
  /** Share of the requests that wait. */
  readonly waiting: number
  /** 99th percentile of the time from arrival to answer, in mean service times. */
  readonly p99: number
}

/** Erlang C: `servers` with exponential service of mean 1, Poisson arrivals of `load` times their rate, first come, first served. */
export function erlangC(servers: number, load: number): MMn {
  const offered = servers * load
  // Erlang B by its recursion, then C: sums of powers over factorials overflow.
  let blocking = 1
  for (let i = 1; i <= servers; i++) blocking = (offered * blocking) / (i + offered * blocking)
  const waiting = blocking / (1 - load * (1 - blocking))
  const drain = servers - offered
  return { mean: 1 + waiting / drain, waiting, p99: solve((time) => tailOf(waiting, drain, time), 0.01) }
}

/** P(wait + service > time): the wait is 0, or exponential of rate `drain`; the service is exponential of rate 1. */
function tailOf(waiting: number, drain: number, time: number): number {
  const served = Math.exp(-time)
  const sum =
    Math.abs(drain - 1) < 1e-9
      ? (1 + time) * served
      : (drain * served - Math.exp(-drain * time)) / (drain - 1)
  return (1 - waiting) * served + waiting * sum
}

/** Where a falling function has a value. */
function solve(of: (x: number) => number, value: number): number {
  let [low, high] = [0, 1_000]
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (of(middle) > value) low = middle
    else high = middle
  }
  return low
}

const MEAN_MS = 10

export async function simulatedMMn(
  servers: number,
  load: number,
  requests: number,
  changed: Partial<SimulationConfig> = {},
): Promise<MMn> {
  const [result]: PolicyResult[] = await simulate({
    seed: 1,
    requests,
    warmUp: Math.ceil(requests / 10),
    load: { utilization: load },
    serviceTime: { exponential: { meanMs: MEAN_MS } },
    endpoints: [{ count: servers }],
    service: { limits: { perEndpoint: { maxRequests: 1 } }, queue: ENDLESS_QUEUE },
    policies: ['random'],
    ...changed,
  })
  expect(result.answered).toBe(requests)
  return {
    mean: result.meanMs / MEAN_MS,
    waiting: result.queue.waited / requests,
    p99: result.p99Ms / MEAN_MS,
  }
}

/** By how much each figure is off, as a share of what it should be. */
export const offBy = (measured: MMn, theory: MMn) => ({
  mean: Math.abs(measured.mean / theory.mean - 1),
  waiting: Math.abs(measured.waiting / theory.waiting - 1),
  p99: Math.abs(measured.p99 / theory.p99 - 1),
})
