/**
 * A thread is stopped before and behind each single atomic operation of what it does with the fallback's queue of requests, or
 * another thread gets its turn there. Whatever is read afterwards is whole, comes once, and in order.
 */
import { beforeAll, expect, it } from 'vitest'
import { FallbackRequestLanes } from '../../lib/queue/fallback-request-lanes.js'
import { LANE, laneWord } from '../../lib/queue/layout.js'
import { OWNER_SELF } from '../../lib/queue/ownership.js'
import { createRequestMemory, type RequestMemory } from '../../lib/queue/request-memory.js'
import { writeRequests } from '../../lib/queue/request-writing.js'
import { publish } from '../../lib/queue/writing.js'
import { interposeAt, stopAt } from '../support/atomics.js'
import { endedThread } from '../support/ended-thread.js'
import { numberOf, requestOf } from '../support/request-bytes.mjs'

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
