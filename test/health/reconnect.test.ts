/** Connecting, again and again, to endpoints that were ejected since nobody could connect to them. */
import { describe, expect, it, vi } from 'vitest'
import { Reconnection } from '../../lib/health/passive/reconnect.js'
import { ManualTimers } from '../support/manual-timers.js'
import { endpoint } from '../support/state.js'

const INTERVAL_MS = 1_000

function setUp() {
  const timers = new ManualTimers()
  const tries: { signal: AbortSignal; settle: (ok: boolean) => void }[] = []
  const check = (_endpoint: unknown, _timeoutMs: number, signal: AbortSignal) =>
    new Promise((resolve) => tries.push({ signal, settle: (ok) => resolve({ ok }) }))
  const reconnection = new Reconnection(timers, check as never)
  const accepted = vi.fn()
  const watch = (wanted = () => true, slot = 7) =>
    reconnection.watch(slot, endpoint('a'), INTERVAL_MS, wanted, accepted)
  return { timers, tries, reconnection, accepted, watch }
}

describe('an endpoint that nobody could connect to', () => {
  it('is tried every interval until it accepts, which is told once', async () => {
    const { timers, tries, reconnection, accepted, watch } = setUp()
    watch()
    await timers.advance(INTERVAL_MS - 1)
    expect(tries).toHaveLength(0)
    await timers.advance(1)
    tries[0].settle(false)
    await timers.advance(INTERVAL_MS)
    expect(tries).toHaveLength(2)
    expect(reconnection.isWatched(7)).toBe(true)
    tries[1].settle(true)
    await timers.advance(10 * INTERVAL_MS)
    expect(accepted).toHaveBeenCalledTimes(1)
    expect(reconnection.isWatched(7)).toBe(false)
    expect(tries).toHaveLength(2)
  })

  it('is tried once an interval, however often it is ejected', async () => {
    const { timers, tries, watch } = setUp()
    watch()
    watch()
    expect(timers.pending).toBe(1)
    await timers.advance(INTERVAL_MS)
    expect(tries).toHaveLength(1)
    // Ejected anew while it is being tried: what comes of that counts no more.
    watch()
    expect(tries[0].signal.aborted).toBe(true)
  })

  it('is not tried any more where it is forgotten, or nobody wants it', async () => {
    const { timers, tries, reconnection, accepted, watch } = setUp()
    watch()
    reconnection.forget(7)
    reconnection.forget(8)
    expect(timers.pending).toBe(0)
    watch(() => false)
    await timers.advance(INTERVAL_MS)
    expect(tries).toHaveLength(0)
    expect(reconnection.isWatched(7)).toBe(false)
    watch()
    await timers.advance(INTERVAL_MS)
    reconnection.forget(7)
    tries[0].settle(true)
    await timers.advance(INTERVAL_MS)
    expect(accepted).not.toHaveBeenCalled()
    expect(timers.pending).toBe(0)
  })

  it('is one of several, all of which end together', async () => {
    const { timers, reconnection, watch } = setUp()
    watch(undefined, 1)
    watch(undefined, 2)
    expect(timers.pending).toBe(2)
    reconnection.stop()
    expect(timers.pending).toBe(0)
    expect(reconnection.isWatched(1) || reconnection.isWatched(2)).toBe(false)
  })
})
