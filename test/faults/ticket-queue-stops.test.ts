/**
 * A thread is stopped before and behind each single atomic operation of what it does with the fallback's queue, one after the other.
 * What it owned then bears the name of a worker that has really ended, and the thread that lives puts it in order.
 */
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { FallbackLanes } from '../../lib/queue/fallback-lanes.js'
import { LANE, laneWord, QUEUE_HEADER, QUEUE_SIZES, WAITER, waiterWord } from '../../lib/queue/layout.js'
import { createQueueMemory, type QueueMemory } from '../../lib/queue/memory.js'
import { OWNER_SELF } from '../../lib/queue/ownership.js'
import { repairBlock, repairCredit } from '../../lib/queue/repair.js'
import { fallAsleep, freeWaiter, reapWaiters, takeWaiter } from '../../lib/queue/sleepers.js'
import { publish, writeLane } from '../../lib/queue/writing.js'
import { interposeAt, stopAt } from '../support/atomics.js'
import { endedThread } from '../support/ended-thread.js'

vi.mock('../../lib/engine/ordering.js', () => import('../support/every-access.js'))

/** Blocks of 16 items. */
const CAPACITY = 100
const START = 2 ** 32 - 256
/** More places than any of the works has. */
const MOST = 5000

let ended: number
beforeAll(async () => {
  ended = await endedThread()
})

/** A queue and the thread that lives, which has a lane with five items in it, three of them published. */
class Scene {
  readonly memory: QueueMemory
  readonly living: FallbackLanes
  readonly lane: number

  constructor() {
    this.memory = createQueueMemory(CAPACITY, 'fallback', START | 0)
    this.living = new FallbackLanes(this.memory)
    this.lane = this.living.takeLane()
    writeLane(this.living, this.lane, Uint32Array.of(1, 2, 3))
    publish(this.living, this.lane)
    writeLane(this.living, this.lane, Uint32Array.of(4, 5))
  }

  /** All that this thread owns and the living one does not, is the ended one's. */
  bury(): void {
    const { words } = this.memory
    const rename = (owner: number, lineage: number): void => {
      if (words[owner] !== OWNER_SELF) return
      words[owner] = ended + 1
      if (words[lineage] === OWNER_SELF - 1) words[lineage] = ended
    }
    for (let lane = 0; lane < QUEUE_SIZES.LANES; lane++)
      if (lane !== this.lane) rename(laneWord(lane) + LANE.OWNER, laneWord(lane) + LANE.LINEAGE)
    rename(QUEUE_HEADER.REPAIRER, QUEUE_HEADER.REPAIRER_LINEAGE)
  }

  owned(): number {
    const { words } = this.memory
    let count = 0
    for (let lane = 0; lane < QUEUE_SIZES.LANES; lane++) if (words[laneWord(lane) + LANE.OWNER] !== 0) count++
    return count + (words[QUEUE_HEADER.REPAIRER] === 0 ? 0 : 1)
  }

  popAll(): number[] {
    const out = new Uint32Array(3 * CAPACITY)
    const all: number[] = []
    for (let count = this.living.popMany(out); count > 0; count = this.living.popMany(out))
      all.push(...out.subarray(0, count))
    return all
  }

  /** All that must hold once the living thread has put things in order. */
  check(where: string): void {
    expect(this.living.reap(), where).toBe(true)
    this.checkOrder(where)
  }

  /** Without another repair, which would make a false one good. */
  checkOrder(where: string): void {
    expect(this.owned(), `${where}: lanes and rights in somebody's hand`).toBe(1)
    publish(this.living, this.lane)
    const own = this.popAll().filter((ticket) => ticket <= 5)
    // What the ended thread had popped it has taken along, from the front; nothing comes twice or out of order.
    expect(own, where).toEqual([1, 2, 3, 4, 5].slice(5 - own.length))
    expect(own.length, where).toBeGreaterThanOrEqual(2)
    const many = Uint32Array.from({ length: 2 * CAPACITY }, (_, i) => i + 10)
    expect(writeLane(this.living, this.lane, many), `${where}: capacity`).toBe(CAPACITY)
    publish(this.living, this.lane)
    expect(this.popAll(), where).toEqual([...many.subarray(0, CAPACITY)])
  }
}

const numbers = (length: number): Uint32Array => Uint32Array.from({ length }, (_, i) => 1000 + i)

/** Moves every free credit into the living thread's lane, as an earlier grant may have. */
function hoard({ memory, lane }: Scene): void {
  const { words, capacity } = memory
  const rest = capacity - (words[QUEUE_HEADER.RESERVED] - words[QUEUE_HEADER.POPPED])
  Atomics.add(words, QUEUE_HEADER.RESERVED, rest)
  Atomics.add(words, laneWord(lane) + LANE.CREDIT, rest)
}

/** As a thread leaves it that was stopped with seven credits in hand. */
const loseCredits = ({ memory }: Scene): void => {
  Atomics.add(memory.words, QUEUE_HEADER.RESERVED, 7)
}

/** As threads leave it that were stopped with a block in hand, all of those that nobody has used. */
const loseBlocks = ({ memory }: Scene): void => {
  memory.words[QUEUE_HEADER.FIRST_UNUSED] = memory.blocks
}

/** As a thread leaves it that ended with items and credits in its lane. */
function leaveLane(scene: Scene): void {
  const lane = scene.living.takeLane()
  writeLane(scene.living, lane, numbers(5))
  scene.bury()
}

const push =
  (count: number) =>
  ({ memory }: Scene): void => {
    const lanes = new FallbackLanes(memory)
    const lane = lanes.takeLane()
    writeLane(lanes, lane, numbers(count))
    publish(lanes, lane)
  }

const nothing = (): void => {}

describe('a thread that ends at any atomic operation leaves a queue that works', () => {
  it.each<[string, (scene: Scene) => void, (scene: Scene) => void]>([
    ['pushes one', nothing, push(1)],
    ['pushes some blocks', nothing, push(50)],
    ['pushes until it is full', nothing, push(2 * CAPACITY)],
    ['pushes with the credits of another', hoard, push(50)],
    ['pushes where all unused blocks are lost', loseBlocks, push(50)],
    ['pops', nothing, ({ memory }) => new FallbackLanes(memory).popMany(new Uint32Array(3))],
    [
      'gives its lane back',
      nothing,
      ({ memory }) => {
        const lanes = new FallbackLanes(memory)
        const lane = lanes.takeLane()
        writeLane(lanes, lane, numbers(20))
        lanes.releaseLane(lane)
      },
    ],
    ['takes over what another has left', leaveLane, ({ memory }) => new FallbackLanes(memory).reap()],
    ['repairs credits', loseCredits, ({ memory }) => repairCredit(memory)],
    ['repairs a block', loseBlocks, ({ memory }) => repairBlock(memory)],
  ])('%s', (_what, prepare, work) => {
    let at = 0
    for (; at < MOST; at++) {
      const scene = new Scene()
      prepare(scene)
      const isStopped = stopAt(at, () => work(scene))
      scene.bury()
      scene.check(`stopped at place ${at}`)
      if (!isStopped) break
    }
    expect(at).toBeGreaterThan(3)
    expect(at).toBeLessThan(MOST)
  })

  it('however many they are: no block gets lost for good', () => {
    const scene = new Scene()
    let stops = 0
    for (let round = 0; round < 20; round++) {
      for (let at = 0; stopAt(at, () => push(70)(scene)); at++) {
        scene.bury()
        expect(scene.living.reap()).toBe(true)
        scene.living.popMany(new Uint32Array(3 * CAPACITY))
        stops++
      }
      scene.bury()
    }
    // Each round loses several, and there were so many to spare.
    expect(stops).toBeGreaterThan(QUEUE_SIZES.LANES * QUEUE_SIZES.SPARE_BLOCKS)
    scene.living.reap()
    publish(scene.living, scene.lane)
    scene.popAll()
    expect(writeLane(scene.living, scene.lane, numbers(2 * CAPACITY))).toBe(CAPACITY)
    publish(scene.living, scene.lane)
    expect(scene.popAll()).toHaveLength(CAPACITY)
  })
})

describe('of two threads that hear of an end, at whatever moment the second comes', () => {
  it('one puts the lane in order', () => {
    let at = 0
    for (; at < MOST; at++) {
      const scene = new Scene()
      leaveLane(scene)
      const second = new FallbackLanes(scene.memory)
      const isReached = interposeAt(
        at,
        () => second.reap(),
        () => new FallbackLanes(scene.memory).reap(),
      )
      scene.check(`the second at place ${at}`)
      if (!isReached) break
    }
    expect(at).toBeGreaterThan(10)
  })

  it('one repairs, and a producer may have the credits again meanwhile', () => {
    let at = 0
    for (; at < MOST; at++) {
      const scene = new Scene()
      const { memory, lane } = scene
      loseCredits(scene)
      const isReached = interposeAt(
        at,
        () => {
          repairCredit(memory)
          // RESERVED is what it was, for another reason.
          Atomics.add(memory.words, laneWord(lane) + LANE.INTENT, 1)
          Atomics.add(memory.words, QUEUE_HEADER.RESERVED, 7)
          Atomics.add(memory.words, laneWord(lane) + LANE.CREDIT, 7)
          Atomics.add(memory.words, laneWord(lane) + LANE.INTENT, 1)
        },
        () => repairCredit(memory),
      )
      scene.checkOrder(`the second at place ${at}`)
      if (!isReached) break
    }
    expect(at).toBeGreaterThan(10)
  })

  it('one frees the waiter, and who takes it then keeps it', () => {
    for (let at = 0; ; at++) {
      const { memory } = new Scene()
      const left = takeWaiter(memory, 0)
      fallAsleep(memory, left)
      renameWaiter(memory, left)
      let taken = -1
      const isReached = interposeAt(
        at,
        () => {
          reapWaiters(memory)
          taken = takeWaiter(memory, 0)
        },
        () => reapWaiters(memory),
      )
      const next = takeWaiter(memory, 0)
      expect(next, `the second at place ${at}`).not.toBe(taken)
      freeWaiter(memory, next)
      if (!isReached) {
        expect(next).toBe(left)
        break
      }
    }
  })
})

describe('a living thread loses nothing to one that puts things in order, at whatever moment that comes', () => {
  it('not the credits and blocks that it has in hand', () => {
    for (const prepare of [nothing, hoard]) {
      for (let at = 0; ; at++) {
        const scene = new Scene()
        const { memory } = scene
        prepare(scene)
        const isReached = interposeAt(
          at,
          () => {
            repairCredit(memory)
            repairBlock(memory)
          },
          () => push(50)(scene),
        )
        const where = `at place ${at}`
        expect(memory.words[QUEUE_HEADER.SPARE_BLOCK], `${where}: no block was lost`).toBe(0)
        expect(scene.popAll(), where).toEqual([1, 2, 3, ...numbers(50)])
        const more = writeLane(scene.living, scene.lane, numbers(2 * CAPACITY))
        // Two of its own were accepted before, and published with these.
        expect(more, where).toBe(CAPACITY - 2)
        if (!isReached) break
      }
    }
  })

  it('and keeps no repair away while its pushes are refused', () => {
    for (let at = 0; ; at++) {
      const scene = new Scene()
      const { memory, living, lane } = scene
      writeLane(living, lane, numbers(2 * CAPACITY))
      const refused = new FallbackLanes(memory)
      const own = refused.takeLane()
      // A push that is refused may open a block before it looks for credit, once.
      refused.openBlock(own)
      const isReached = interposeAt(
        at,
        () => expect(repairCredit(memory), `at place ${at}`).toBe(true),
        () => expect(writeLane(refused, own, numbers(20))).toBe(0),
      )
      if (!isReached) break
    }
  })

  it('not a lane that an ended thread has had before', () => {
    for (let at = 0; ; at++) {
      const scene = new Scene()
      leaveLane(scene)
      expect(scene.living.reap()).toBe(true)
      let taken = -1
      const isReached = interposeAt(
        at,
        () => new FallbackLanes(scene.memory).reap(),
        () => {
          taken = scene.living.takeLane()
        },
      )
      expect(scene.memory.words[laneWord(taken) + LANE.OWNER], `at place ${at}`).toBe(OWNER_SELF)
      if (!isReached) break
    }
  })
})

function renameWaiter(memory: QueueMemory, waiter: number): void {
  const at = waiterWord(waiter)
  memory.words[at + WAITER.OWNER] = ended + 1
  memory.words[at + WAITER.LINEAGE] = ended
}
