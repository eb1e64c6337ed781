/** The addon's own side of the core: arguments, lifetimes, several environments. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { Core, Picker } from '../../lib/engine/contract.js'
import { HEADER, LAYOUT_VERSION, layoutFingerprint, SLOT } from '../../lib/engine/layout.js'
import { createRoot, createSegment, createServices } from '../../lib/engine/memory.js'
import type { NativeAddon } from '../../lib/engine/native/addon.js'
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
  const NONE = new Uint32Array(0)

  test('says what it was built from', () => {
    expect(native.layoutVersion).toBe(LAYOUT_VERSION)
    expect(native.layoutFingerprint).toBe(layoutFingerprint())
    expect(native.boostVersion).toMatch(/^1_\d+/)
    expect(native.compiler).not.toBe('')
  })

  const root = () => createRoot('native', 1, 4)
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
    ['a root cut short', () => [root().subarray(0, 150), 0, scratch()], /150 elements, fewer than the 192/],
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
      /cells has 65504 elements/,
    )
    expect(() => core.addSegment(cells, createSegment(3).contributions, histograms)).toThrow(
      /contributions has/,
    )
    expect(() => core.addSegment(cells, contributions, cells)).toThrow(/histograms has/)
    expect(() => core.picker(0, 0, 0, Uint32Array.of(), NONE, NONE)).toThrow(
      /service is not a whole number from 0 to -1/,
    )
    expect(() => core.addServices(createServices(3)[0])).toThrow(/services has/)
    core.addServices(createServices(4)[0])
    expect(() => core.picker(0, 0, 0, Uint32Array.of(0), NONE, NONE)).toThrow(/slots names 0/)
    core.addSegment(cells, contributions, histograms)
    expect(() => core.picker(0, 0, 0, Uint32Array.of(1_024), NONE, NONE)).toThrow(/slots names 1024/)
    expect(() => core.picker(3, 0, 0, Uint32Array.of(0), NONE, NONE)).toThrow(/distributor/)
    expect(() => core.picker(0, 2, 0, Uint32Array.of(0), NONE, NONE)).toThrow(/metric/)
    expect(() => core.picker(0, 0, 256, Uint32Array.of(0), NONE, NONE)).toThrow(/service/)
    expect(() => core.picker(0, 0, 0, [0] as never, NONE, NONE)).toThrow(/slots is not a typed array/)
    core.dispose()
    expect(() => core.addSegment(cells, contributions, histograms)).toThrow(/disposed/)
    expect(() => core.addServices(createServices(4)[0])).toThrow(/disposed/)
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
    core.dispose()
    slot[6] = 0
    core.end()
    core.reserve()
    expect(slot[6]).toBe(-1)
    expect(
      [segment.cells, segment.contributions, segment.histograms].every((all) =>
        all.every((word) => word === 0),
      ),
    ).toBe(true)
  })

  /** A block of which only what `use` returns is left, and weak references to its memory. */
  const orphan = <T>(use: (core: Core) => T) => {
    const block = new Block(40, { limit: 1 })
    const memory = Array.from(block.regions(), ([, words]) => new WeakRef(words))
    const left = use(block.core(engines[0].factory))
    return { left, alive: () => memory.map((words) => words.deref() !== undefined) }
  }

  test('a picker keeps its memory when core and block are gone, and lets go of it when it goes', async () => {
    const held: { picks?: Picker[] } = {}
    const { left, alive } = orphan((core) =>
      distributorNames.map((distributor, i) => core.picker(spec(distributor, 13 * (i + 1)))),
    )
    held.picks = left.splice(0)
    await collectAll()
    expect(alive()).toEqual([true, true, true, true, true])
    // 13, then 26 less the 13 that are taken, then 39 less the 26.
    const picked = held.picks.map((pick) => {
      let n = 0
      while (pick() >= 0) n++
      return n
    })
    expect(picked).toEqual([13, 13, 13])
    held.picks = undefined
    await collectAll()
    expect(alive()).toEqual([false, false, false, false, false])
  })

  test('a picker of a disposed core finds nothing, and keeps no segment', async () => {
    const { left, alive } = orphan((core) => {
      const pick = core.picker(spec('two choices', 40))
      core.dispose()
      return pick
    })
    await collectAll()
    expect(alive()).toEqual([true, false, false, false, false])
    expect(left()).toBe(-1)
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
