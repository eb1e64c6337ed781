import { expect, it } from 'vitest'
import { jitteredAge } from '../../lib/connections/age.js'
import { WaitingLine } from '../../lib/connections/waiting-line.js'

const drain = (line: WaitingLine<number>): number[] => {
  const out: number[] = []
  for (let item = line.shift(); item !== undefined; item = line.shift()) out.push(item)
  return out
}

it('a line gives out what came first', () => {
  const line = new WaitingLine<number>()
  for (const item of [1, 2, 3]) line.add(item)
  expect([line.length, line.first]).toEqual([3, 1])
  expect(drain(line)).toEqual([1, 2, 3])
  expect([line.length, line.first]).toEqual([0, undefined])
})

it('a line closes up where somebody leaves it, at either end and in between', () => {
  for (const leaving of [[0], [2], [4], [0, 1], [3, 4], [1, 3], [4, 3, 2, 1], [0, 1, 2, 3, 4]]) {
    const line = new WaitingLine<number>()
    const places = [0, 1, 2, 3, 4].map((item) => line.add(item))
    for (const i of leaving) places[i].leave()
    // A second time changes nothing.
    for (const i of leaving) places[i].leave()
    expect(line.length).toBe(5 - leaving.length)
    line.add(5)
    expect(drain(line)).toEqual([0, 1, 2, 3, 4, 5].filter((item) => !leaving.includes(item)))
  }
})

it('a place whose turn has come cannot be left any more', () => {
  const line = new WaitingLine<number>()
  const place = line.add(1)
  line.add(2)
  line.shift()
  place.leave()
  expect([line.length, line.first]).toEqual([1, 2])
})

it('the age of connections differs by up to a tenth, in both directions', () => {
  const ages = Array.from({ length: 1_000 }, () => jitteredAge(1_000))
  expect(Math.min(...ages)).toBeGreaterThanOrEqual(900)
  expect(Math.max(...ages)).toBeLessThanOrEqual(1_100)
  expect(ages.filter((age) => age < 950).length).toBeGreaterThan(100)
  expect(ages.filter((age) => age > 1_050).length).toBeGreaterThan(100)
})
