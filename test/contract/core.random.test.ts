/** Random operations on both engines at once, with one seed and one manual clock: same answers, same memory, bit for bit. */
import { describe, expect, test } from 'vitest'
import type { Core, Picker } from '../../lib/engine/contract.js'
import {
  CONTRIBUTION,
  MARK_BUSY,
  OUTCOME,
  type OutcomeCode,
  SERVICE,
  SLOT,
  serviceWord,
} from '../../lib/engine/layout.js'
import { drawTable } from '../../lib/engine/weighted-draw.js'
import { Block, distributorNames, spec } from './block.js'
import { addon, engines } from './engines.js'

const OPERATIONS = 20_000
const BATCH = 500
const PICKERS = 8
/** Reaches into a second segment. */
const SLOTS = 1_100
const SERVICES = 4
const FIXED_SEEDS = [1, 2, 3, 0xffffffff]
const freshSeed = Date.now() >>> 0

/** The test's own random numbers (mulberry32), independent of the generator under test. */
class Chance {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }
  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let z = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z
    return ((z ^ (z >>> 14)) >>> 0) / 4294967296
  }
  below(n: number): number {
    return Math.floor(this.next() * n)
  }
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]
  }
}

/** One engine's block, core and pickers. */
class Side {
  readonly block: Block
  readonly core: Core
  readonly pickers: Picker[] = []

  constructor(
    readonly kind: string,
    factory: (typeof engines)[number]['factory'],
    seed: number,
  ) {
    this.block = new Block(SLOTS, {}, seed)
    for (let service = 0; service < SERVICES; service++) {
      this.block.services[serviceWord(service) + SERVICE.CURSOR] = -1_000
    }
    this.core = this.block.core(factory)
  }
}

type Operation = (side: Side) => unknown

function drive(seed: number): void {
  const chance = new Chance(seed)
  const sides = engines.map(({ kind, factory }) => new Side(kind, factory, seed))
  const reserved: { slot: number; startedAt: number }[] = []
  const trace: string[] = []
  let now = 1_000_000 + chance.next() * 3e8

  /** Does the same on both sides and compares what comes back. */
  const both = (name: string, operation: Operation): unknown => {
    trace.push(name)
    const [native, fallback] = sides.map(operation)
    if (!Object.is(native, fallback)) {
      throw new Error(`${name} gave ${native} natively and ${fallback} in the fallback; ${where()}`)
    }
    return native
  }
  const where = () => `seed ${seed}, operation ${trace.length}; last: ${trace.slice(-5).join(' | ')}`

  const configure = (slot: number) => {
    const settings = {
      limit: chance.of([0, 0, 1, 2, 5]),
      weight: chance.of([1, 1, 0.25, 3, 1 / 3, 65_535]),
      decayMs: chance.of([10_000, 1_000, 1, 0.5, 1e7]),
      peak: chance.below(2) === 0,
      histogram: chance.of([slot, slot, -1, chance.below(SLOTS)]),
    }
    both(`configure ${slot}`, (side) => side.block.configure(slot, settings))
  }
  const renew = (index: number) => {
    const size = chance.of([0, 1, 2, 3, 10, 40])
    const slots = Array.from({ length: size }, () => chance.of([chance.below(20), chance.below(SLOTS)]))
    const one = {
      ...spec(
        chance.of(distributorNames),
        slots,
        chance.of(['in-flight', 'latency']),
        chance.below(SERVICES),
      ),
      draw: chance.below(2) === 0 ? undefined : drawTable(slots.map(() => 1 + chance.below(9))),
    }
    both(`picker ${index} over ${slots}`, (side) => {
      side.pickers[index] = side.core.picker(one)
    })
  }
  const keep = (slot: unknown) => {
    both('startedAt', (side) => side.core.startedAt())
    if (typeof slot === 'number' && slot >= 0) reserved.push({ slot, startedAt: sides[0].core.startedAt() })
  }
  const end = () => {
    if (reserved.length === 0) return
    const [{ slot, startedAt }] = reserved.splice(chance.below(reserved.length), 1)
    const outcome: OutcomeCode = chance.of(Object.values(OUTCOME))
    const latency = chance.of([Number.NaN, Number.NaN, -1, 0, chance.next() * 0.01, chance.next() * 500, 1e7])
    both(`end ${slot} ${outcome} ${latency}`, (side) => side.core.end(slot, startedAt, outcome, latency))
  }
  const answered: number[] = []
  const answer = () => {
    if (reserved.length === 0) return
    const [{ slot, startedAt }] = reserved.splice(chance.below(reserved.length), 1)
    const outcome: OutcomeCode = chance.of([OUTCOME.SUCCEEDED, OUTCOME.FAILED])
    const latency = chance.of([Number.NaN, -1, chance.next() * 500])
    both(`answer ${slot} ${outcome} ${latency}`, (side) =>
      side.core.answer(slot, startedAt, outcome, latency),
    )
    answered.push(slot)
  }
  const close = () => {
    if (answered.length === 0) return
    const [slot] = answered.splice(chance.below(answered.length), 1)
    const broken = chance.below(3) === 0
    both(`close ${slot} ${broken}`, (side) => side.core.close(slot, broken))
  }
  const operations: Operation[] = [
    ...new Array(4).fill(() => {
      const index = chance.below(PICKERS)
      keep(both(`pick ${index}`, (side) => side.pickers[index]()))
    }),
    ...new Array(4).fill(end),
    ...new Array(2).fill(answer),
    ...new Array(2).fill(close),
    () => {
      const slot = chance.below(20)
      if (both(`reserve ${slot}`, (side) => side.core.reserve(slot)) === true) keep(slot)
    },
    () => {
      now += chance.of([0, 0.01, 1, 30, 1_000, -5, 1e5, 3e8]) * chance.next()
      both(`time ${now}`, (side) => side.block.setNow(now))
    },
    () => both('now', (side) => side.core.now()),
    () => both('random', (side) => side.core.random()),
    () => {
      const [service, n] = [chance.below(SERVICES), 1 + chance.below(12)]
      both(`position ${service} ${n}`, (side) => side.core.nextPosition(service, n))
    },
    () => {
      const [slot, at] = [chance.below(20), now + chance.below(1_000)]
      both(`latency ${slot} ${at}`, (side) => side.core.latency(slot, at))
    },
    () => configure(chance.of([chance.below(20), chance.below(SLOTS)])),
    () => renew(chance.below(PICKERS)),
  ]

  both('time', (side) => side.block.setNow(now))
  for (let index = 0; index < PICKERS; index++) renew(index)
  for (let i = 0; i < OPERATIONS; i++) {
    chance.of(operations)(sides[0])
    if (i % BATCH === BATCH - 1) expectSameMemory(sides, where)
  }
  expect(sides[0].block.total(0, SLOT.SUCCEEDED)).toBeGreaterThan(0n)
}

function expectSameMemory([native, fallback]: Side[], where: () => string): void {
  const others = fallback.block.regions()[Symbol.iterator]()
  for (const [region, words] of native.block.regions()) {
    const other = others.next().value![1]
    if (region.endsWith('contributions')) for (const all of [words, other]) clearMarks(all)
    const same = Buffer.from(words.buffer).equals(Buffer.from(other.buffer))
    if (same) continue
    const at = words.findIndex((word, index) => word !== other[index])
    throw new Error(
      `${region}: word ${at} is ${words[at]} natively, ${other[at]} in the fallback; ${where()}`,
    )
  }
}

/** Only the fallback marks its operations, so that the number of them stands in its memory. None is under way here. */
function clearMarks(contributions: Int32Array): void {
  for (let at = CONTRIBUTION.MARK; at < contributions.length; at += CONTRIBUTION.WORDS) {
    if (contributions[at] & MARK_BUSY) throw new Error(`contribution ${at} is marked busy`)
    contributions[at] = 0
  }
}

describe.skipIf(addon === undefined)('native against fallback, random operations', () => {
  test.each([...FIXED_SEEDS, freshSeed])(
    `seed %i: same answers and same memory over ${OPERATIONS} operations`,
    drive,
  )
})
