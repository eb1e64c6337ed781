/**
 * A thread is stopped before and behind each single atomic operation of what it does with the fallback's admission queue, or another
 * one gets its turn there. Whatever was left, those that live have every place that becomes free, and every ticket again.
 */
import { describe, expect, it, vi } from 'vitest'
import { SERVICE } from '../../lib/engine/layout.js'
import { AdmissionScene, type Party } from '../support/admission-scene.js'
import { interposeAt, stopAt } from '../support/atomics.js'

vi.mock('../../lib/engine/ordering.js', () => import('../support/every-access.js'))

/** More places than any of the works has. */
const MOST = 2_000
/** After that time a grant that was not taken is taken back, ms. */
const HELD_MS = 60

type Work = readonly [what: string, prepare: (a: Party, b: Party) => void, work: (a: Party) => void]

const nothing = (): void => {}

const works: readonly Work[] = [
  ['waits, as the first ever', nothing, (a) => a.wait('1')],
  ['waits behind another', (_a, b) => b.wait('b1'), (a) => a.wait('1')],
  [
    'waits, and a place is free',
    (_a, b) => {
      b.wait('b1')
      b.scene.free.add('x')
    },
    (a) => a.wait('1'),
  ],
  [
    'waits where the line is full of those that left',
    (_a, b) => {
      b.wait('b1')
      for (let i = 0; i < 5; i++) {
        b.wait(`left ${i}`, { limit: 3 })
        b.leave(`left ${i}`)
      }
    },
    (a) => a.wait('1', { limit: 3 }),
  ],
  [
    'frees a place for another',
    (a, b) => {
      b.wait('b1')
      b.wait('b2')
      a.scene.held.set('x', a)
    },
    (a) => a.release('x'),
  ],
  [
    'frees two places, for itself and another',
    (a, b) => {
      a.wait('1')
      b.wait('b1')
      a.wait('2')
      a.scene.free.add('y')
    },
    (a) => a.release('x'),
  ],
  [
    'is called, and takes its place',
    (a, b) => {
      a.wait('1')
      b.wait('b1')
      b.release('x')
    },
    (a) => a.queue.called(),
  ],
  [
    'is called, and its place is gone',
    (a, b) => {
      a.wait('1')
      b.wait('b1')
      b.release('x')
      b.scene.free.delete('x')
      b.scene.held.set('x', b)
    },
    (a) => a.queue.called(),
  ],
  [
    'leaves',
    (a, b) => {
      a.wait('1')
      b.wait('b1')
    },
    (a) => a.leave('1'),
  ],
  [
    'leaves when it was granted a place',
    (a, b) => {
      a.wait('1')
      b.wait('b1')
      b.release('x')
    },
    (a) => a.leave('1'),
  ],
  [
    'is late',
    (a, b) => {
      a.wait('1', { longestMs: 5 })
      b.wait('b1')
      a.scene.advance(10)
    },
    (a) => a.look(),
  ],
  [
    'takes back what another was granted and does not take',
    (a, b) => {
      b.wait('b1')
      a.wait('1')
      a.wait('2')
      a.release('x')
      a.scene.advance(HELD_MS)
    },
    (a) => a.look(),
  ],
  [
    'is passed over',
    (a, b) => {
      a.wait('1', { only: 'y' })
      b.wait('b1')
    },
    (a) => a.release('x'),
  ],
  [
    'was passed over, and has its place',
    (a, b) => {
      a.wait('1', { only: 'y' })
      b.wait('b1')
      a.release('x')
    },
    (a) => a.release('y'),
  ],
  [
    'fails all that waits',
    (a, b) => {
      a.wait('1')
      b.wait('b1')
      b.release('x')
      a.wait('2')
    },
    (a) => a.queue.fail(() => new Error('stopped')),
  ],
]

function expectOrder(scene: AdmissionScene, by: Party, where: string): void {
  const waiting = scene.living.reduce((sum, one) => sum + one.waiting.length, 0)
  expect(scene.waiting, `${where}: WAITING`).toBe(waiting)
  expect(scene.contributed(), `${where}: contributions`).toBe(waiting)
  // Places that are free go to those that wait, though nobody frees another one.
  const free = Math.min(scene.free.size, waiting)
  scene.settle(scene.placed + free)
  for (let left = waiting; left > 0; left--) {
    const ends = scene.living.flatMap((one) => one.waiting).length
    if (ends === 0) break
    const before = scene.placed
    by.release('y')
    scene.settle(before + 1)
    expect(scene.placed, `${where}: a place for ${scene.living.flatMap((one) => one.waiting)}`).toBe(
      before + 1,
    )
    if (scene.living.some((one) => one.waiting.length > 0) && scene.free.size > 0)
      expect(scene.word(SERVICE.GRANTED), where).toBeLessThanOrEqual(scene.granted())
  }
  expect(scene.waiting, `${where}: WAITING in the end`).toBe(0)
  expect(scene.granted(), `${where}: granted tickets in the end`).toBe(0)
  expect([scene.word(SERVICE.PASSED), scene.word(SERVICE.PASSED + 1)], where).toEqual([0, 0])
  // Everything is used again.
  scene.free.clear()
  let used = 0
  for (let i = 0; i < 12; i++) {
    by.wait(`again ${i}`)
    by.wait(`again ${i}, and leaves`)
    by.leave(`again ${i}, and leaves`)
    by.release('x')
    expect(by.ends.get(`again ${i}`), where).toBe('x')
    if (i === 3) used = scene.ticketsUsed
  }
  expect(scene.ticketsUsed, `${where}: tickets`).toBe(used)
}

describe('a thread that ends at any atomic operation leaves a queue that works', () => {
  it.each(works)('%s', (_what, prepare, work) => {
    let at = 0
    for (; at < MOST; at++) {
      const scene = new AdmissionScene(2)
      const [b, a] = scene.parties
      prepare(a, b)
      const isStopped = stopAt(at, () => work(a))
      scene.end(a)
      const where = `stopped at place ${at}`
      expect(scene.clean(a, b), where).toBe(true)
      expect([scene.tickets(a.state.token), scene.granted(a.state.token)], where).toEqual([0, 0])
      expectOrder(scene, b, where)
      if (!isStopped) break
    }
    expect(at).toBeGreaterThan(5)
    expect(at).toBeLessThan(MOST)
  })

  it('also one that cleans up after another', () => {
    let at = 0
    for (; at < MOST; at++) {
      const scene = new AdmissionScene(3)
      const [b, a, c] = scene.parties
      c.wait('c1')
      c.wait('c2', { only: 'z' })
      b.wait('b1')
      c.wait('c3')
      b.wait('b2')
      b.release('x')
      c.queue.called()
      b.release('y')
      scene.end(c)
      const isStopped = stopAt(at, () => scene.clean(c, a))
      scene.end(a)
      const where = `stopped at place ${at}`
      for (const ended of [a, c]) expect(scene.clean(ended, b), where).toBe(true)
      expectOrder(scene, b, where)
      if (!isStopped) break
    }
    expect(at).toBeGreaterThan(20)
  })
})

const others: readonly (readonly [string, (b: Party) => void])[] = [
  ['waits', (b) => b.wait('new')],
  ['frees a place', (b) => b.release('z')],
  ['is called', (b) => b.queue.called()],
  [
    'is called, takes its place, and waits again',
    (b) => {
      b.queue.called()
      b.wait('new')
    },
  ],
  ['leaves', (b) => b.leave('b1')],
  [
    'leaves, and waits again',
    (b) => {
      b.leave('b1')
      b.wait('new')
    },
  ],
  [
    'looks after a while',
    (b) => {
      b.scene.advance(HELD_MS)
      b.look()
    },
  ],
]

describe('whatever another thread does between two atomic operations, nobody is forgotten', () => {
  it.each(works.flatMap((work) => others.map((other) => [work[0], other[0], work, other] as const)))(
    'one %s, the other %s',
    (_what, _other, [, prepare, work], [, other]) => {
      for (let at = 0; at < MOST; at++) {
        const scene = new AdmissionScene(2)
        const [b, a] = scene.parties
        prepare(a, b)
        const isReached = interposeAt(
          at,
          () => other(b),
          () => work(a),
        )
        expectOrder(scene, b, `at place ${at}`)
        for (const one of scene.parties)
          expect(
            [...one.stays.keys()].filter((id) => !one.ends.has(id)),
            `at place ${at}`,
          ).toEqual([])
        if (!isReached) break
      }
    },
  )
})

/** `b` frees a place. Calls are answered, and timers stand still. */
function isPlacedAtOnce(
  ids: readonly string[],
  prepare: (a: Party, b: Party) => void,
  work: (a: Party) => void,
): void {
  let at = 0
  for (; at < MOST; at++) {
    const scene = new AdmissionScene(2)
    const [b, a] = scene.parties
    const called = new Set<Party>()
    for (const { state } of [a, b])
      state.lines.call = (token) => {
        called.add(token === a.state.token ? a : b)
      }
    prepare(a, b)
    const isReached = interposeAt(
      at,
      () => b.release('y'),
      () => work(a),
    )
    for (const one of called) {
      called.delete(one)
      one.queue.called()
    }
    if (!isReached) break
    expect(
      ids.map((id) => a.ends.get(id) ?? b.ends.get(id)),
      `at place ${at}`,
    ).toContain('y')
  }
  expect(at).toBeGreaterThan(5)
}

describe('a place that becomes free, at whatever moment, is seen at once', () => {
  it('by one that joins (A9)', () => {
    isPlacedAtOnce(['1'], nothing, (a) => a.wait('1'))
  })

  it('by one that is passed over (A10)', () => {
    isPlacedAtOnce(
      ['1'],
      (a) => a.wait('1', { only: 'y' }),
      (a) => a.release('x'),
    )
  })

  const both = (a: Party, b: Party): void => {
    a.wait('1', { longestMs: 5 })
    b.wait('b1')
  }

  it('by the next one, where the first leaves (A3)', () => {
    isPlacedAtOnce(['b1'], both, (a) => a.leave('1'))
  })

  it('by the first or by the next one, where the first is late (A3)', () => {
    isPlacedAtOnce(
      ['1', 'b1'],
      (a, b) => {
        both(a, b)
        a.scene.advance(5)
      },
      (a) => a.look(),
    )
  })
})

describe('whoever takes back a grant that was not taken', () => {
  it('takes nothing from a later use of that ticket', () => {
    let at = 0
    for (; at < MOST; at++) {
      const scene = new AdmissionScene(2)
      const [b, a] = scene.parties
      b.wait('b1')
      a.wait('1')
      a.release('x')
      const isB1 = b.waitsWith()
      scene.advance(HELD_MS)
      const isReached = interposeAt(
        at,
        () => {
          b.queue.called()
          for (let i = 0; i < 100 && !isB1(); i++) {
            if (i > 0) b.release('z')
            b.wait(`later ${i}`)
          }
        },
        () => a.look(),
      )
      expectOrder(scene, b, `at place ${at}`)
      if (!isReached) break
    }
    expect(at).toBeGreaterThan(10)
  })
})
