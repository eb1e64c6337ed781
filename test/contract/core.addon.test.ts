/** The addon's own side of the core: arguments, lifetimes, several environments. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { HEADER, LAYOUT_VERSION, layoutFingerprint, SLOT } from '../../lib/engine/layout.js'
import { createRoot, createSegment } from '../../lib/engine/memory.js'
import type { NativeAddon } from '../../lib/engine/native.js'
import { Block, distributorNames, spec } from './block.js'
import { addon, engines } from './engines.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Lets the collector run, and the finalizers that it has put off. */
async function collectAll(): Promise<void> {
  for (let i = 0; i < 5; i++) {
    collect()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe.skipIf(addon === undefined)('addon', () => {
  const native = addon as NativeAddon
  const scratch = () => new Float64Array(new ArrayBuffer(32))

  test('says what it was built from', () => {
    expect(native.layoutVersion).toBe(LAYOUT_VERSION)
    expect(native.layoutFingerprint).toBe(layoutFingerprint())
    expect(native.boostVersion).toMatch(/^1_\d+/)
    expect(native.compiler).not.toBe('')
  })

  const root = () => createRoot('native', 1, 4, 2)
  const changed = (word: number, value: number) => {
    const words = root()
    words[word] = value
    return words
  }
  test.each<[string, () => unknown[], RegExp]>([
    ['no argument', () => [], /root is not a typed array/],
    ['an array', () => [[1, 2, 3], 0, scratch()], /root is not a typed array/],
    ['the buffer', () => [root().buffer, 0, scratch()], /root is not a typed array/],
    [
      'another type of elements',
      () => [new Float32Array(root().buffer), 0, scratch()],
      /root is not a typed array/,
    ],
    ['a root cut short', () => [root().subarray(0, 300), 0, scratch()], /300 elements, fewer than the 320/],
    ['a header cut short', () => [root().subarray(0, 10), 0, scratch()], /10 elements, fewer/],
    [
      'a root off its alignment',
      () => [new Int32Array(new SharedArrayBuffer(8192), 4), 0, scratch()],
      /8-byte aligned/,
    ],
    ['a block of another layout', () => [changed(HEADER.FINGERPRINT, 7), 0, scratch()], /not a root segment/],
    [
      'a block with absurd sizes',
      () => [changed(HEADER.MAX_THREADS, -1), 0, scratch()],
      /not a root segment/,
    ],
    ['a thread beyond the last', () => [root(), 4, scratch()], /thread is not a whole number from 0 to 3/],
    ['a negative thread', () => [root(), -1, scratch()], /thread is not a whole number/],
    ['half a thread', () => [root(), 0.5, scratch()], /thread is not a whole number/],
    ['no thread', () => [root(), undefined, scratch()], /thread is not a whole number/],
    ['no scratch', () => [root(), 0], /scratch is not a typed array/],
    ['too small a scratch', () => [root(), 0, new Float64Array(3)], /scratch has 3 elements/],
  ])('createCore refuses %s', (_, args, message) => {
    const createCore = native.createCore as (...args: unknown[]) => unknown
    expect(() => createCore(...args())).toThrow(message)
  })

  test('addSegment and picker refuse what does not fit the block', () => {
    const core = native.createCore(root(), 0, scratch())
    const { cells, contributions, histograms } = createSegment(4)
    expect(() => core.addSegment(cells.subarray(32), contributions, histograms)).toThrow(
      /cells has 32736 elements/,
    )
    expect(() => core.addSegment(cells, createSegment(3).contributions, histograms)).toThrow(
      /contributions has/,
    )
    expect(() => core.addSegment(cells, contributions, cells)).toThrow(/histograms has/)
    expect(() => core.picker(0, 0, 0, Uint32Array.of(0))).toThrow(/slots names 0/)
    core.addSegment(cells, contributions, histograms)
    expect(() => core.picker(0, 0, 0, Uint32Array.of(1_024))).toThrow(/slots names 1024/)
    expect(() => core.picker(3, 0, 0, Uint32Array.of(0))).toThrow(/distributor/)
    expect(() => core.picker(0, 2, 0, Uint32Array.of(0))).toThrow(/metric/)
    expect(() => core.picker(0, 0, 2, Uint32Array.of(0))).toThrow(/service/)
    expect(() => core.picker(0, 0, 0, [0] as never)).toThrow(/slots is not a typed array/)
    core.dispose()
    expect(() => core.addSegment(cells, contributions, histograms)).toThrow(/disposed/)
  })

  test('the hot functions leave memory alone where the slot is none', () => {
    const words = scratch()
    const slot = new Int32Array(words.buffer)
    const core = native.createCore(root(), 0, words)
    const segment = createSegment(4)
    core.addSegment(segment.cells, segment.contributions, segment.histograms)
    for (const bad of [1_024, -1, 2 ** 31 - 1]) {
      slot[6] = bad
      core.end()
      core.reserve()
      expect(slot[6]).toBe(-1)
    }
    expect(
      [segment.cells, segment.contributions, segment.histograms].every((all) =>
        all.every((word) => word === 0),
      ),
    ).toBe(true)
  })

  test('a picker works on when core, memory and everything else that led to it is gone', async () => {
    const factory = engines[0].factory
    const orphan = () => {
      const block = new Block(40, { limit: 1 })
      const core = block.core(factory)
      return distributorNames.map((distributor) =>
        core.picker(spec(distributor, 13 * (1 + distributorNames.indexOf(distributor)))),
      )
    }
    const picks = orphan()
    await collectAll()
    const picked = picks.map((pick) => {
      let n = 0
      while (pick() >= 0) n++
      return n
    })
    // 13, then 26 less the 13 that are taken, then 39 less the 26.
    expect(picked).toEqual([13, 13, 13])
  })

  test('a picker of a disposed core finds nothing, even when its memory is gone', async () => {
    const factory = engines[0].factory
    const orphan = () => {
      const core = new Block(40).core(factory)
      const pick = core.picker(spec('two choices', 40))
      core.dispose()
      return pick
    }
    const pick = orphan()
    await collectAll()
    expect(pick()).toBe(-1)
  })

  test('what is dropped is freed: a thousand blocks leave nothing behind', async () => {
    const factory = engines[0].factory
    const round = () => {
      for (let i = 0; i < 50; i++) {
        const block = new Block(4)
        const core = block.core(factory)
        const slot = core.picker(spec('two choices', 4))()
        core.end(slot, 0, 0, 1)
        if (i % 2 === 0) core.dispose()
      }
    }
    const held: number[] = []
    for (let i = 0; i < 20; i++) {
      round()
      await collectAll()
      held.push(process.memoryUsage().arrayBuffers)
    }
    const BLOCK_BYTES = 4 * 1_024 * (SLOT.WORDS + 256)
    expect(Math.max(...held.slice(10)) - Math.max(...held.slice(0, 10))).toBeLessThan(10 * BLOCK_BYTES)
  })
})
