import { describe, expect, it } from 'vitest'
import type { Endpoint } from '../../lib/model/index.js'
import { differenceOf, isStretch, keptOf, patched } from '../../lib/topology/list-difference.js'
import { STAGE, stagesTo } from '../../lib/topology/list-stages.js'
import { seeded } from '../support/seeded.mjs'
import { endpoint } from '../support/state.js'

const some = (count: number, from = 0): Endpoint[] =>
  Array.from({ length: count }, (_, i) => endpoint(`e${from + i}`))

describe('a list from another', () => {
  it('is told by what is new in it, wherever that is', () => {
    const list = some(1_000)
    const changed = endpoint('e500', { weight: 2 })
    const next = [endpoint('x'), ...list.slice(0, 500), changed, ...list.slice(501, 990), ...list.slice(995)]
    const difference = differenceOf(list, next)
    expect(difference.filter((part) => !isStretch(part))).toEqual([next[0], changed])
    expect(difference.length).toBe(5)
    expect(patched(list, difference)).toEqual(next)
    expect(keptOf(list, difference)).toBe(995)
  })

  it('is made again by its difference, and is of that list alone', () => {
    const below = seeded(7)
    for (let i = 0; i < 300; i++) {
      const list = some(below(60))
      const next = list.filter(() => below(4) > 0)
      for (let n = below(5); n > 0; n--) next.splice(below(next.length + 1), 0, endpoint(`n${n}`))
      for (let n = below(5); n > 0; n--)
        next.splice(below(next.length + 1), 0, ...next.splice(below(next.length), 20))
      const difference = differenceOf(list, next)
      const made = patched(list, difference)
      expect(made.length).toBe(next.length)
      expect(made.every((one, at) => one === next[at])).toBe(true)
      expect(keptOf(list, difference)).toBe(list.filter((one) => next.includes(one)).length)
    }
    expect(() => patched(some(2), [[1, 2]])).toThrow(RangeError)
    expect(() => patched(some(2), [[-1, 2]])).toThrow(RangeError)
  })
})

describe('stages from one list to another', () => {
  it.each([
    ['nothing to many', [], some(1_234), 3],
    ['many to nothing', some(1_234), [], 3],
    ['many to others', some(1_234), some(1_234, 5_000), 6],
    ['many to a part of them and others', some(1_600), some(1_600, 800), 4],
    ['some to others', some(STAGE), some(STAGE, 5_000), 1],
    ['one to the same', some(3), some(3), 1],
  ])('%s: each adds and takes no more than one may, and has nothing twice', (_, before, target, count) => {
    // Those that both have are the same objects, in steady lists.
    const known = new Map(before.map((one) => [one.id, one]))
    const after = target.map((one) => known.get(one.id) ?? one)
    let last = before
    const stages = [...stagesTo(before, after, differenceOf(before, after))]
    for (const stage of stages) {
      const [was, is] = [new Set(last), new Set(stage)]
      expect(stage.filter((one) => !was.has(one)).length).toBeLessThanOrEqual(STAGE)
      expect(last.filter((one) => !is.has(one)).length).toBeLessThanOrEqual(STAGE)
      expect(new Set(stage.map(({ id }) => id)).size).toBe(stage.length)
      expect(new Set(stage.map(({ url }) => url)).size).toBe(stage.length)
      last = [...stage]
    }
    expect(last).toEqual(after)
    expect(stages.length).toBe(count)
  })

  it('an endpoint that says something else, or has another id or address, is never there twice', () => {
    const before = some(1_500)
    const after = before.map((one, i) =>
      i % 3 === 0
        ? endpoint(`o${i}`, { url: one.url })
        : endpoint(one.id, i % 3 === 1 ? { weight: 2 } : { url: `http://other${i}:1` }),
    )
    for (const stage of stagesTo(before, after, differenceOf(before, after))) {
      expect(new Set(stage.map(({ id }) => id)).size).toBe(stage.length)
      expect(new Set(stage.map(({ url }) => url)).size).toBe(stage.length)
    }
  })
})
