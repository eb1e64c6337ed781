/** The cases of the suite `admission` that need no threads of their own measure something, and wait as they say. */
import { expect, it } from 'vitest'
import * as acquire from '../../bench/admission/acquire-case.js'
import * as handOver from '../../bench/admission/hand-over-case.js'
import { PromiseQueue } from '../../bench/admission/promise-queue.js'
import * as waiters from '../../bench/admission/waiters-case.js'
import { SUITES } from '../../bench/suites.js'

const SLICE_MS = 1

it('is a suite of the benchmarks, each of which has a name of its own', () => {
  const names = SUITES.map(({ name }) => name)
  expect(names).toContain('admission')
  expect(new Set(names).size).toBe(names.length)
})

it.each(['pick', 'together', 'awaited'] as const)('measures %s', async (way) => {
  const { ns } = await acquire.prepare({ way }).slice(SLICE_MS)
  expect(ns).toBeGreaterThan(0)
})

it.each(['fairlead', 'promise-queue'] as const)('hands places over by %s', async (subject) => {
  const { p50, p99 } = await handOver.prepare({ subject }).slice(20)
  expect(p50).toBeGreaterThan(0)
  expect(p99).toBeGreaterThanOrEqual(p50)
})

it.each(['fairlead', 'promise-queue'] as const)('has many wait, and leave, by %s', async (subject) => {
  const sizes = { waiters: 2_000, short: 300, long: 900 }
  const sample = await waiters.prepare({ subject, signals: true, ...sizes }).slice(null)
  for (const key of ['heap', 'join', 'short', 'long', 'abortAll']) expect(sample[key], key).toBeGreaterThan(0)
})

it('compares with a queue of promises that keeps order, places and aborts', async () => {
  const queue = new PromiseQueue(1)
  const log: string[] = []
  const ask = (name: string, signal?: AbortSignal): Promise<void> =>
    queue.acquire(signal).then(
      () => void log.push(name),
      () => void log.push(`${name} left`),
    )
  const leaving = new AbortController()
  const all = [ask('a'), ask('b'), ask('c', leaving.signal), ask('d')]
  leaving.abort()
  expect(queue.waiting).toBe(2)
  queue.release()
  queue.release()
  queue.release()
  await Promise.all(all)
  expect(log.filter((entry) => entry !== 'c left')).toEqual(['a', 'b', 'd'])
  expect(log).toContain('c left')
  await queue.acquire()
  expect(queue.waiting).toBe(0)
})
