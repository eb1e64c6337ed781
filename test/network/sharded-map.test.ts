import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ShardedMap } from '../../lib/network/sharded-map.js'

const key = fc.oneof(fc.string(), fc.constantFrom('a', 'b', '__proto__', ''))
const batches = fc.array(fc.array(fc.tuple(key, fc.option(fc.integer(), { nil: undefined }))))

test('after any changes it is as a map, and each map before is as it was', () => {
  fc.assert(
    fc.property(batches, (all) => {
      const model = new Map<string, number>()
      const taken: [ShardedMap<number>, Map<string, number>][] = []
      let map = ShardedMap.empty<number>()
      for (const batch of all) {
        map = map.with(batch)
        for (const [name, value] of batch)
          if (value === undefined) model.delete(name)
          else model.set(name, value)
        taken.push([map, new Map(model)])
      }
      for (const [one, expected] of taken) {
        expect(one.size).toBe(expected.size)
        expect([...one.values()].sort()).toEqual([...expected.values()].sort())
        for (const [name, value] of expected) expect(one.get(name)).toBe(value)
        expect(one.get('never')).toBe(expected.get('never'))
      }
    }),
  )
})
