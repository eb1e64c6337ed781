import { describe, expect, it } from 'vitest'
import { LoopLateness } from '../../lib/runtime/loop-lateness.js'
import type { TimerHandle, Timers } from '../../lib/runtime/timers.js'

/** An event loop whose turns take as long as a test says. */
class Loop implements Timers {
  time = 1_000
  #timer: { at: number; fn: () => void } | undefined

  now(): number {
    return this.time
  }

  random(): number {
    return 0.5
  }

  after(ms: number, fn: () => void): TimerHandle {
    const timer = { at: this.time + ms, fn }
    this.#timer = timer
    return {
      cancel: () => {
        if (this.#timer === timer) this.#timer = undefined
      },
    }
  }

  get ticks(): boolean {
    return this.#timer !== undefined
  }

  /** A turn: timers that are due first, then what the sockets bring. */
  turn(readSockets: () => void = () => {}): void {
    const timer = this.#timer
    if (timer !== undefined && timer.at <= this.time) {
      this.#timer = undefined
      timer.fn()
    }
    readSockets()
  }

  /** Nothing happens but ticks that come when they are due. */
  async rest(ms: number): Promise<void> {
    const end = this.time + ms
    while (this.#timer !== undefined && this.#timer.at <= end) {
      this.time = this.#timer.at
      this.turn()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.time = end
  }
}

describe('lateness of the event loop', () => {
  it('is nothing while ticks come when they are due', async () => {
    const loop = new Loop()
    const lateness = new LoopLateness(loop)
    lateness.begin()
    await loop.rest(500)
    expect([lateness.lateMs(loop.time), lateness.heldMs(loop.time)]).toEqual([0, 0])
  })

  it('is known to what is read later in the turn that took long', async () => {
    const loop = new Loop()
    const lateness = new LoopLateness(loop)
    lateness.begin()
    await loop.rest(100)
    let seen = 0
    loop.turn(() => {
      loop.time += 300 // a handler that computes
      seen = lateness.lateMs(loop.time)
    })
    // The tick was due 10 ms after the last one.
    expect(seen).toBe(290)
  })

  it('is known to what is read right after the late tick, and to nothing after that', async () => {
    const loop = new Loop()
    const lateness = new LoopLateness(loop)
    lateness.begin()
    await loop.rest(100)
    loop.time += 300
    let seen = 0
    loop.turn(() => {
      seen = lateness.lateMs(loop.time)
    })
    expect(seen).toBe(290)
    await new Promise((resolve) => setImmediate(resolve))
    expect(lateness.lateMs(loop.time)).toBe(0)
    expect(lateness.heldMs(loop.time)).toBe(290)
    await loop.rest(200)
    expect(lateness.heldMs(loop.time)).toBe(290)
  })

  it('ticks only while something is awaited', async () => {
    const loop = new Loop()
    const lateness = new LoopLateness(loop)
    expect(loop.ticks).toBe(false)
    lateness.begin()
    lateness.begin()
    lateness.end()
    await loop.rest(1_000)
    expect(loop.ticks).toBe(true)
    lateness.end()
    await loop.rest(50)
    expect(loop.ticks).toBe(false)
    loop.time += 5_000
    expect([lateness.lateMs(loop.time), lateness.heldMs(loop.time)]).toEqual([0, 0])
  })
})
