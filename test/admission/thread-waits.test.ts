/** When a thread can be called: from its first waiting request on, and for a while after the last one. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ThreadWaits } from '../../lib/admission/thread-waits.js'
import type { SharedState } from '../../lib/engine/state.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const LONG_MS = 10_000

function scene() {
  const log: string[] = []
  let onCall = (): void => {}
  const lines = {
    listen(fn: () => void) {
      log.push('listen')
      onCall = fn
    },
    close: () => void log.push('close'),
  }
  const waits = new ThreadWaits({ lines } as unknown as SharedState)
  const queue = (name: string) => ({ called: () => void log.push(`${name} called`) })
  return { log, waits, queue, call: () => onCall() }
}

it('is opened once for waits that follow each other, and closed after the last one', () => {
  const { log, waits, queue } = scene()
  const one = queue('one')
  for (let i = 0; i < 3; i++) {
    waits.begin(one)
    waits.end(one)
  }
  expect(log).toEqual(['listen'])
  vi.advanceTimersByTime(LONG_MS)
  expect(log).toEqual(['listen', 'close'])
  waits.begin(one)
  expect(log).toEqual(['listen', 'close', 'listen'])
})

it('stays open while anybody waits', () => {
  const { log, waits, queue, call } = scene()
  const [one, other] = [queue('one'), queue('other')]
  waits.begin(one)
  waits.end(one)
  waits.begin(other)
  vi.advanceTimersByTime(LONG_MS)
  call()
  expect(log).toEqual(['listen', 'other called'])
  waits.end(other)
  vi.advanceTimersByTime(LONG_MS)
  expect(log).toEqual(['listen', 'other called', 'close'])
})

it('keeps the process alive while somebody waits, and not afterwards', () => {
  vi.useRealTimers()
  const { waits, queue } = scene()
  const one = queue('one')
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  waits.begin(one)
  expect(timers()).toBe(before + 1)
  waits.end(one)
  expect(timers()).toBe(before)
  waits.begin(one)
  expect(timers()).toBe(before + 1)
  waits.end(one)
  expect(timers()).toBe(before)
})
