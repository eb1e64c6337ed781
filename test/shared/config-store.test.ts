import { afterEach, describe, expect, it, vi } from 'vitest'
import { CONFIG_PAGES, HEADER } from '../../lib/engine/layout.js'
import { createPages, createRoot } from '../../lib/engine/memory.js'
import { HandleError } from '../../lib/errors.js'
import { ConfigStore } from '../../lib/shared/config-store.js'

afterEach(() => {
  vi.restoreAllMocks()
})

const asIs = (record: Uint8Array): Uint8Array => record
const bytes = (text: string) => new TextEncoder().encode(text)
const texts = (records: Uint8Array[]) => records.map((record) => new TextDecoder().decode(record))

/** Two threads' stores over one memory. */
function setUp() {
  const root = createRoot('fallback', 1)
  const pages = createPages()
  const store = (token: number) => new ConfigStore(root, pages, token)
  return { root, pages, a: store(1), b: store(2), store }
}

describe('the shared configuration', () => {
  it('is read from where it was read last: a whole one first, then each change once', () => {
    const { a, b, store } = setUp()
    expect(b.read(asIs)).toEqual([])
    expect(a.replace(bytes('whole'))).toBe(true)
    expect([a.append(bytes('one')), a.append(bytes('two'))]).toEqual(['done', 'done'])
    expect([a.isBehind, b.isBehind, a.version]).toEqual([false, true, 3])
    expect(texts(b.read(asIs))).toEqual(['whole', 'one', 'two'])
    expect([b.isBehind, b.version, texts(b.read(asIs))]).toEqual([false, 3, []])
    expect(b.append(bytes('three'))).toBe('done')
    expect(texts(a.read(asIs))).toEqual(['three'])
    expect(texts(store(3).read(asIs))).toEqual(['whole', 'one', 'two', 'three'])
    b.replace(bytes('new'))
    expect(texts(a.read(asIs))).toEqual(['new'])
  })

  it('that is written again says nothing new to who has it, and all to who has not', () => {
    const { a, b, store } = setUp()
    a.replace(bytes('whole'))
    b.read(asIs)
    const late = store(3)
    late.read(asIs)
    a.append(bytes('one'))
    expect(texts(b.read(asIs))).toEqual(['one'])
    expect(a.restate(bytes('whole, one'))).toBe(true)
    expect([b.isBehind, b.version]).toEqual([true, 2])
    expect([texts(b.read(asIs)), b.isBehind, b.version]).toEqual([[], false, 3])
    a.append(bytes('two'))
    expect(texts(b.read(asIs))).toEqual(['two'])
    // One that has missed a change, and one that has read nothing yet.
    expect(texts(late.read(asIs))).toEqual(['whole, one', 'two'])
    expect(texts(store(4).read(asIs))).toEqual(['whole, one', 'two'])
    b.restate(bytes('whole, one, two'))
    b.append(bytes('three'))
    expect(texts(a.read(asIs))).toEqual(['three'])
    // Another configuration is read by all.
    b.replace(bytes('other'))
    expect([texts(a.read(asIs)), texts(late.read(asIs))]).toEqual([['other'], ['other']])
  })

  it('that could not be read is read where another thread writes what it has again', () => {
    const { a, b, pages } = setUp()
    a.replace(bytes('whole'))
    b.read(asIs)
    a.append(bytes('one'))
    new Uint8Array(pages[0])[8 + 5 + 8] ^= 1
    expect(() => b.read(asIs)).toThrow(HandleError)
    expect(a.restate(bytes('whole, one'))).toBe(true)
    expect([texts(b.read(asIs)), b.isUnreadable]).toEqual([['whole, one'], false])
    // It has not what is in force, and says so of what it writes.
    a.append(bytes('two'))
    const page = pages.findIndex(
      (one) => new TextDecoder().decode(new Uint8Array(one).slice(8, 18)) === 'whole, one',
    )
    new Uint8Array(pages[page])[8 + 10 + 8] ^= 1
    expect(() => b.read(asIs)).toThrow(HandleError)
    expect(b.restate(bytes('older'))).toBe(true)
    expect(texts(a.read(asIs))).toEqual(['older'])
  })

  it('takes one of two changes made on the same version; the other thread reads before it tries again', () => {
    const { a, b } = setUp()
    a.replace(bytes('whole'))
    b.read(asIs)
    expect(a.append(bytes('first'))).toBe('done')
    expect([b.append(bytes('late')), b.replace(bytes('later'))]).toEqual(['lost', false])
    expect(texts(b.read(asIs))).toEqual(['first'])
    expect(b.append(bytes('late'))).toBe('done')
    expect(texts(a.read(asIs))).toEqual(['late'])
  })

  it('loses no publication when another thread gets ahead between the look and the exchange', () => {
    const { a, b } = setUp()
    a.replace(bytes('whole'))
    b.read(asIs)
    const real = Atomics.compareExchange as (...args: unknown[]) => unknown
    for (const publish of [() => b.append(bytes('x')), () => b.replace(bytes('x'))]) {
      vi.spyOn(Atomics, 'compareExchange').mockImplementation(((...args: unknown[]) => {
        if (typeof args[2] === 'bigint') {
          vi.restoreAllMocks()
          a.replace(bytes('ahead'))
        }
        return real(...args)
      }) as never)
      expect([false, 'lost']).toContain(publish())
      expect(texts(b.read(asIs))).toEqual(['ahead'])
    }
  })

  it('is not read from a page that is being written anew', () => {
    const { a, b } = setUp()
    a.replace(bytes('old'))
    const real = Atomics.load as (...args: unknown[]) => unknown
    // Between b's look at the head and its look at the page all pages are written once more.
    vi.spyOn(Atomics, 'load').mockImplementation(((...args: unknown[]) => {
      const value = real(...args)
      if (typeof value === 'bigint') {
        vi.restoreAllMocks()
        for (let i = 0; i <= 2 * CONFIG_PAGES; i++) a.replace(bytes(`new, and longer than before: ${i}`))
      }
      return value
    }) as never)
    expect(texts(b.read(asIs))).toEqual([`new, and longer than before: ${2 * CONFIG_PAGES}`])
    // And between its two looks at the page.
    vi.spyOn(Atomics, 'load').mockImplementation(((...args: unknown[]) => {
      const value = real(...args)
      const [array, at] = args
      if (array instanceof Int32Array && (at as number) >= HEADER.PAGE_FILL) {
        vi.restoreAllMocks()
        for (let i = 0; i < 3 * CONFIG_PAGES; i++) a.replace(bytes(`newer: ${i}`))
      }
      return value
    }) as never)
    a.replace(bytes('newest but one'))
    expect(texts(b.read(asIs))).toEqual([`newer: ${3 * CONFIG_PAGES - 1}`])
  })

  it('goes on elsewhere when a thread has ended while it wrote the page in force', () => {
    const { a, b, root } = setUp()
    a.replace(bytes('whole'))
    b.read(asIs)
    const page = root.subarray(HEADER.PAGE_OWNER, HEADER.PAGE_OWNER + CONFIG_PAGES)
    page.fill(99, 0, CONFIG_PAGES - 1)
    expect(b.append(bytes('change'))).toBe('full')
    expect(b.replace(bytes('whole again'))).toBe(true)
    expect(b.append(bytes('change'))).toBe('done')
    expect(texts(a.read(asIs))).toEqual(['whole again', 'change'])
    const wait = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out')
    expect(() => a.replace(bytes('nowhere'))).toThrow(HandleError)
    expect(wait.mock.calls.length).toBeGreaterThan(1_000)
    wait.mockRestore()
    a.releasePages(99)
    expect(a.replace(bytes('somewhere'))).toBe(true)
    expect(page.every((owner) => owner === 0)).toBe(true)
  })

  it('is begun anew once its changes have grown, so that its memory does not', () => {
    const { a, b, pages } = setUp()
    a.replace(bytes('whole'))
    const change = bytes('x'.repeat(1000))
    let anew = 0
    for (let i = 0; i < 5_000; i++) {
      if (a.append(change) === 'done') continue
      anew++
      expect(a.replace(bytes(`whole ${i}`))).toBe(true)
      b.read(asIs)
    }
    expect(anew).toBeGreaterThan(50)
    for (const page of pages) expect(page.byteLength).toBeLessThan(140_000)
    a.append(change)
    expect(b.read(asIs).length).toBeGreaterThan(0)
    expect(b.version).toBe(a.version)
  })

  it('may be large, and is refused where it is too large for a page', () => {
    const { a, b } = setUp()
    const large = new Uint8Array(3_000_000).fill(7)
    expect(a.replace(large)).toBe(true)
    expect(a.append(large)).toBe('done')
    expect(b.read(asIs).map((record) => Buffer.from(record).equals(large))).toEqual([true, true])
    const tooLarge = new Uint8Array(33 * 1024 * 1024)
    for (const publish of [() => a.replace(tooLarge), () => a.append(tooLarge)])
      expect(publish).toThrow(expect.objectContaining({ code: 'FAIRLEAD_CONFIG' }))
    expect(a.append(bytes('goes on'))).toBe('done')
  })

  describe('that was damaged', () => {
    const damages: Record<string, (memory: ReturnType<typeof setUp>) => void> = {
      'a byte of a record': ({ pages }) => {
        new Uint8Array(pages[0])[10] ^= 1
      },
      'the length of a record': ({ pages }) => new DataView(pages[0]).setUint32(0, 0xffffffff),
      'the head, which names another page': ({ root }) => {
        root[HEADER.CONFIG_HEAD] |= 0xf << 28
      },
      'the head, which names too many bytes': ({ root }) => {
        root[HEADER.CONFIG_HEAD] |= 0xfffffff
      },
      'the head, which is empty': ({ root }) => root.fill(0, HEADER.CONFIG_HEAD, HEADER.CONFIG_HEAD + 2),
      'when its page was filled': ({ root }) => {
        root[HEADER.PAGE_FILL] += 100
      },
    }

    it.each(Object.entries(damages))('is refused once, and then replaced: %s', (_, damage) => {
      const memory = setUp()
      const { a, b } = memory
      a.replace(bytes('first'))
      b.read(asIs)
      a.append(bytes('second'))
      damage(memory)
      // From its beginning, as far as the page is concerned, by one that attaches.
      const c = memory.store(3)
      if (c.isBehind) expect(() => c.read(asIs)).toThrow(HandleError)
      expect([c.isBehind, c.version]).toEqual([false, 0])
      if (!b.isBehind) return
      try {
        b.read(asIs)
      } catch (error) {
        expect(error).toBeInstanceOf(HandleError)
        expect([b.isBehind, b.isUnreadable, b.version]).toEqual([false, true, 1])
        expect(b.append(bytes('x'))).toBe('full')
      }
      expect(b.replace(bytes('whole'))).toBe(true)
      expect(texts(c.read(asIs))).toEqual(['whole'])
      expect(b.append(bytes('goes on'))).toBe('done')
      expect(texts(c.read(asIs))).toEqual(['goes on'])
    })

    it('is refused where its reader refuses it', () => {
      const { a, b } = setUp()
      a.replace(bytes('whole'))
      const refuse = () => {
        throw new HandleError('not this')
      }
      expect(() => b.read(refuse)).toThrow('not this')
      expect([b.isBehind, b.isUnreadable, b.version, b.read(refuse)]).toEqual([false, true, 0, []])
    })
  })
})
