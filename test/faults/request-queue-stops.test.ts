/**
 * A thread is stopped before and behind each single atomic operation of what it does with the fallback's queue of requests, or
 * another thread gets its turn there. Whatever is read afterwards is whole, comes once, and in order.
 */
import { beforeAll, expect, it, vi } from 'vitest'
import { FallbackRequestLanes } from '../../lib/queue/fallback-request-lanes.js'
import { heldBlocks } from '../../lib/queue/holders.js'
import type { RequestSpan } from '../../lib/queue/lanes.js'
import { HOLDER, holderWord, LANE, laneWord, QUEUE_SIZES } from '../../lib/queue/layout.js'
import { OWNER_SELF } from '../../lib/queue/ownership.js'
import { createRequestMemory, type RequestMemory } from '../../lib/queue/request-memory.js'
import { viewsOf } from '../../lib/queue/request-views.js'
import { writeRequests } from '../../lib/queue/request-writing.js'
import { publish } from '../../lib/queue/writing.js'
import { interposeAt, stopAt } from '../support/atomics.js'
import { endedThread } from '../support/ended-thread.js'
import { numberOf, requestOf } from '../support/request-bytes.mjs'

vi.mock('../../lib/engine/ordering.js', () => import('../support/every-access.js'))

/** Blocks of 4 requests. */
const CAPACITY = 30
const SLOT_BYTES = 50
const START = 2 ** 32 - 256
/** More places than any of the works has. */
const MOST = 5000

let ended: number
beforeAll(async () => {
  ended = await endedThread()
})

const requests = (from: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => requestOf(from + i, SLOT_BYTES))
const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i)

/** A queue, a producer, and a consumer. */
class Scene {
  readonly memory: RequestMemory = createRequestMemory(CAPACITY, SLOT_BYTES, 'fallback', START | 0)
  readonly lanes = new FallbackRequestLanes(this.memory)
  readonly lane = this.lanes.takeLane()

  push(from: number, count: number, lane = this.lane): number {
    const taken = writeRequests(this.lanes, this.memory, lane, requests(from, count), 0)
    publish(this.lanes, lane)
    return taken
  }

  /** The numbers of what is popped; -1 for what is not whole. */
  pop(most: number, lanes = this.lanes): number[] {
    const out: Uint8Array[] = []
    lanes.popInto(out, most)
    return out.map((request) => numberOf(request, SLOT_BYTES))
  }

  /** Pops in place: what `numbersIn` reads until the holder is freed. */
  hold(holder: number, most: number, lanes = this.lanes): RequestSpan {
    const span = { slot: 0, count: 0 }
    lanes.holdInto(span, holder, most)
    return span
  }

  numbersIn(span: RequestSpan): number[] {
    return Array.from(
      viewsOf(this.memory, span, () => {}),
      (request) => numberOf(request, SLOT_BYTES),
    )
  }

  /** All that was held has been given back, and all of the capacity is there, several times over. */
  expectWhole(place: string): void {
    for (let round = 0; round < 5; round++) {
      expect(this.push(1000 * round, 2 * CAPACITY), `${place}: capacity`).toBe(CAPACITY)
      expect(this.pop(2 * CAPACITY), place).toEqual(range(1000 * round, CAPACITY))
    }
    expect(heldBlocks(this.memory), place).toEqual([])
    const holders = Array.from({ length: QUEUE_SIZES.HOLDERS }, () => this.lanes.takeHolder())
    expect(holders, `${place}: holders`).toEqual(range(0, QUEUE_SIZES.HOLDERS))
  }
}

it('a producer that is stopped anywhere leaves whole requests from the first on, and all of the capacity', () => {
  let places = 0
  for (let at = 0; at < MOST; at++) {
    const scene = new Scene()
    const { words } = scene.memory
    scene.push(0, 3)
    const own = scene.lanes.takeLane()
    const isStopped = stopAt(at, () => {
      scene.push(100, 7, own)
      scene.push(107, 4, own)
    })
    words[laneWord(own) + LANE.OWNER] = ended + 1
    words[laneWord(own) + LANE.LINEAGE] = ended
    expect(scene.lanes.reap(), `place ${at}`).toBe(true)
    const popped = scene.pop(CAPACITY)
    expect(popped.slice(0, 3), `place ${at}`).toEqual([0, 1, 2])
    expect(popped.slice(3), `place ${at}`).toEqual(range(100, popped.length - 3))
    expect(scene.push(200, 2 * CAPACITY), `place ${at}: capacity`).toBe(CAPACITY)
    expect(scene.pop(2 * CAPACITY), `place ${at}`).toEqual(range(200, CAPACITY))
    expect(words[laneWord(scene.lane) + LANE.OWNER]).toBe(OWNER_SELF)
    if (!isStopped) break
    places++
  }
  expect(places).toBeGreaterThan(20)
  expect(places).toBeLessThan(MOST)
})

it('a reader that is overtaken anywhere by readers and writers of the same slots gets none of it twice or torn', () => {
  let places = 0
  for (let at = 0; at < MOST; at++) {
    const scene = new Scene()
    const accepted = range(0, scene.push(0, CAPACITY))
    const other = new FallbackRequestLanes(scene.memory)
    const early: number[] = []
    const late: number[] = []
    const isReached = interposeAt(
      at,
      () => {
        // The blocks that the late reader looks at are read and written again, with other lengths.
        for (let round = 1; round <= 3; round++) {
          early.push(...scene.pop(CAPACITY, other))
          accepted.push(...range(100 * round, scene.push(100 * round, CAPACITY)))
        }
      },
      () => late.push(...scene.pop(10)),
    )
    const rest = scene.pop(CAPACITY)
    const ascending = (popped: number[]): number[] => [...popped].sort((a, b) => a - b)
    expect(ascending([...early, ...late, ...rest]), `place ${at}`).toEqual(accepted)
    expect(late, `place ${at}: order`).toEqual(ascending(late))
    if (!isReached) break
    places++
  }
  expect(places).toBeGreaterThan(5)
  expect(places).toBeLessThan(MOST)
})

it('what is held stays whole, whoever reads and writes the rest at any moment of the taking and the letting go', () => {
  let places = 0
  for (let at = 0; at < MOST; at++) {
    const scene = new Scene()
    const accepted = range(0, scene.push(0, CAPACITY))
    const other = new FallbackRequestLanes(scene.memory)
    const seen: number[] = []
    const isReached = interposeAt(
      at,
      () => {
        for (let round = 1; round <= 3; round++) {
          seen.push(...scene.pop(CAPACITY, other))
          accepted.push(...range(100 * round, scene.push(100 * round, 2 * CAPACITY)))
        }
      },
      () => {
        for (let batch = 0; batch < 3; batch++) {
          const holder = scene.lanes.takeHolder()
          const span = scene.hold(holder, 3)
          seen.push(...scene.numbersIn(span))
          scene.lanes.freeHolder(holder)
        }
      },
    )
    seen.push(...scene.pop(2 * CAPACITY))
    expect(
      [...seen].sort((a, b) => a - b),
      `place ${at}`,
    ).toEqual(accepted)
    scene.expectWhole(`place ${at}`)
    if (!isReached) break
    places++
  }
  expect(places).toBeGreaterThan(20)
  expect(places).toBeLessThan(MOST)
})

it('a reader in place that is stopped anywhere leaves its requests or has them, and all of the capacity comes back', () => {
  let places = 0
  for (let at = 0; at < MOST; at++) {
    const scene = new Scene()
    const { memory } = scene
    scene.push(0, CAPACITY)
    const isStopped = stopAt(at, () => {
      // Two batches in one block, the second of which is let go.
      const first = scene.lanes.takeHolder()
      scene.hold(first, 2)
      const second = scene.lanes.takeHolder()
      scene.hold(second, 3)
      scene.lanes.freeHolder(first)
    })
    for (let holder = 0; holder < 2; holder++) {
      const owner = holderWord(holder) + HOLDER.OWNER
      if (memory.words[owner] === 0) continue
      memory.words[owner] = ended + 1
      memory.words[holderWord(holder) + HOLDER.LINEAGE] = ended
    }
    const left = scene.pop(CAPACITY)
    expect([CAPACITY, CAPACITY - 2, CAPACITY - 4], `place ${at}`).toContain(left.length)
    expect(left, `place ${at}`).toEqual(range(CAPACITY - left.length, left.length))
    // Others go on meanwhile.
    expect(scene.push(100, 2 * CAPACITY), `place ${at}`).toBe(CAPACITY)
    scene.pop(CAPACITY)
    expect(scene.lanes.reap(), `place ${at}`).toBe(true)
    scene.expectWhole(`place ${at}`)
    if (!isStopped) break
    places++
  }
  expect(places).toBeGreaterThan(10)
  expect(places).toBeLessThan(MOST)
})

it('a producer that is stopped anywhere, passing over blocks that are held, leaves these whole and all of the capacity', () => {
  let places = 0
  for (let at = 0; at < MOST; at++) {
    const scene = new Scene()
    const { memory } = scene
    // Every block was used, so that there is none but those behind the ones that are held.
    for (let round = 0; round < memory.blocks / 4; round++) {
      scene.push(0, CAPACITY)
      scene.pop(CAPACITY)
    }
    const own = scene.lanes.takeLane()
    scene.push(0, CAPACITY, own)
    const holders = Array.from({ length: QUEUE_SIZES.HOLDERS }, () => scene.lanes.takeHolder())
    const spans = holders.map((holder) => scene.hold(holder, 1))
    const before = spans.map((span) => scene.numbersIn(span))
    scene.pop(CAPACITY)
    const isStopped = stopAt(at, () => {
      for (let round = 0; round < 8; round++) {
        scene.push(100, CAPACITY, own)
        scene.pop(CAPACITY)
      }
    })
    memory.words[laneWord(own) + LANE.OWNER] = ended + 1
    memory.words[laneWord(own) + LANE.LINEAGE] = ended
    expect(scene.lanes.reap(), `place ${at}`).toBe(true)
    scene.pop(CAPACITY)
    for (let round = 0; round < 3; round++) {
      expect(scene.push(500, 2 * CAPACITY), `place ${at}: capacity`).toBe(CAPACITY)
      scene.pop(CAPACITY)
    }
    expect(
      spans.map((span) => scene.numbersIn(span)),
      `place ${at}`,
    ).toEqual(before)
    for (const holder of holders) scene.lanes.freeHolder(holder)
    scene.expectWhole(`place ${at}`)
    if (!isStopped) break
    places++
  }
  expect(places).toBeGreaterThan(20)
  expect(places).toBeLessThan(MOST)
})
