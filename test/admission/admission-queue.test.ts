/** The admission queue over made-up places: two threads' access to one balancer, both of it in this thread, and manual time. */
import { describe, expect, test, vi } from 'vitest'
import { AdmissionQueue } from '../../lib/admission/admission-queue.js'
import { ThreadWaits } from '../../lib/admission/thread-waits.js'
import { releaseWaits } from '../../lib/admission/ticket-pool.js'
import type { Stay } from '../../lib/admission/waiter.js'
import { selection } from '../../lib/engine/index.js'
import { HEADER, SERVICE, TICKET } from '../../lib/engine/layout.js'
import { SharedState } from '../../lib/engine/state.js'
import { ticketWord } from '../../lib/engine/tickets.js'
import { ManualTimers } from '../support/manual-timers.js'
import { setNow } from '../support/state.js'

const LIMIT = 100
const LONG_MS = 10_000

/** Places that requests take: by name, where `only` says so. */
class Yard {
  readonly free = new Set<string>()
  readonly taken: string[] = []

  take = (request: { id: string; only?: string }): string | undefined => {
    if (request.only === 'none') throw new Error('there is none')
    const place = [...this.free].find((one) => request.only === undefined || request.only === one)
    if (place === undefined) return undefined
    this.free.delete(place)
    this.taken.push(`${request.id} ${place}`)
    return place
  }
}

type Request = Parameters<Yard['take']>[0]

class Thread {
  readonly queue: AdmissionQueue<Request, string>
  readonly log: string[] = []
  readonly waits: ThreadWaits

  constructor(
    readonly state: SharedState,
    timers: ManualTimers,
    readonly yard: Yard,
  ) {
    this.waits = new ThreadWaits(state)
    this.queue = new AdmissionQueue(state, 0, timers, this.waits, {
      take: (request) => yard.take(request),
      free: () => yard.free.size,
    })
  }

  wait(
    id: string,
    rest: {
      tier?: number
      longestMs?: number
      only?: string
      limit?: number
      isRestricted?: boolean
      standingMs?: number
    } = {},
  ): Stay | undefined {
    const { tier = 1, longestMs = LONG_MS, only, limit = LIMIT, isRestricted = false, standingMs = 0 } = rest
    return this.queue.wait(
      {
        request: { id, ...(only === undefined ? {} : { only }) },
        tier,
        longestMs,
        isRestricted,
        standingMs,
        placed: (place) => this.log.push(`${id} has ${place}`),
        failed: (error) => this.log.push(`${id} failed: ${(error as Error).message}`),
        late: () => this.log.push(`${id} is late`),
      },
      limit,
    )
  }

  /** A place comes free, and this thread is the one that frees it. */
  release(place: string): void {
    this.yard.free.add(place)
    this.queue.offer()
  }

  word(field: number): number {
    return this.state.serviceWords(0)[this.state.serviceField(0, field)]
  }

  total(field: number): number {
    return this.state.serviceTotal(0, field)
  }
}

function setUp(count = 1) {
  const first = SharedState.create(selection.kind, selection.factory, 1)
  first.claims.takeService()
  const segments = first.fix(1, 1)
  const states = [first]
  for (let i = 1; i < count; i++) states.push(SharedState.attach(first.root, segments, selection.factory))
  const timers = new ManualTimers()
  const yard = new Yard()
  first.root[HEADER.CLOCK_MODE] = 1
  setNow(first, timers.now())
  const advance = async (ms: number, step = 1) => {
    for (let passed = 0; passed < ms; passed += step) {
      setNow(first, timers.now() + step)
      await timers.advance(step)
    }
  }
  return { threads: states.map((state) => new Thread(state, timers, yard)), yard, timers, advance }
}

describe('one thread', () => {
  test('places go to those who wait in the order in which they came, tier by tier', () => {
    const {
      threads: [a],
    } = setUp()
    a.wait('1')
    a.wait('2')
    a.wait('urgent', { tier: 0 })
    expect([a.log, a.queue.waiting, a.queue.isWaitedFor]).toEqual([[], 3, true])
    for (const place of ['x', 'y', 'z']) a.release(place)
    expect(a.log).toEqual(['urgent has x', '1 has y', '2 has z'])
    expect([a.queue.waiting, a.queue.isWaitedFor, a.word(SERVICE.GRANTED)]).toEqual([0, false, 0])
    expect(a.total(SERVICE.ADMITTED)).toBe(3)
  })

  test('several places at once go to as many', () => {
    const {
      threads: [a],
      yard,
    } = setUp()
    for (const id of ['1', '2', '3']) a.wait(id)
    yard.free.add('x').add('y')
    a.queue.offer()
    expect(a.log).toEqual(['1 has x', '2 has y'])
  })

  test('places that appear while one is looked for are offered after that: no request is at its turn twice', async () => {
    const {
      threads: [a],
      yard,
      advance,
    } = setUp()
    const { take } = yard
    a.wait('1', { longestMs: 75 })
    a.wait('2')
    // Another takes the place that it was granted: it keeps its turn.
    yard.take = () => void yard.free.clear()
    a.release('x')
    yard.take = take
    await advance(74)
    // As it tries for the last time, places appear.
    let isFirst = true
    yard.take = (request) => {
      if (isFirst) {
        isFirst = false
        yard.free.add('y').add('z').add('spare')
        a.queue.offer()
      }
      return take(request)
    }
    await advance(1)
    expect(a.log).toEqual(['1 has y', '2 has z'])
    expect([a.queue.waiting, [...yard.free], a.word(SERVICE.GRANTED)]).toEqual([0, ['spare'], 0])
    expect(a.total(SERVICE.ADMITTED)).toBe(2)
  })

  test('a place that came free before a request was in line is found when it joins', () => {
    const {
      threads: [a],
      yard,
    } = setUp()
    yard.free.add('x')
    expect(a.wait('1')?.isOver).toBe(true)
    expect(a.log).toEqual(['1 has x'])
  })

  test('one that leaves gives its turn to the next, once', () => {
    const {
      threads: [a],
    } = setUp()
    const stay = a.wait('1')
    a.wait('2')
    stay?.leave()
    stay?.leave()
    expect(a.queue.waiting).toBe(1)
    a.release('x')
    expect(a.log).toEqual(['2 has x'])
    expect(a.total(SERVICE.LEFT)).toBe(1)
  })

  test('one that has waited for as long as it may is told, and the others stay', async () => {
    const {
      threads: [a],
      advance,
    } = setUp()
    a.wait('short', { longestMs: 20 })
    a.wait('long', { longestMs: 200 })
    await advance(25)
    expect([a.log, a.queue.waiting, a.total(SERVICE.LATE)]).toEqual([['short is late'], 1, 1])
    a.release('x')
    expect(a.log).toEqual(['short is late', 'long has x'])
  })

  test('no more than the limit wait', () => {
    const {
      threads: [a],
    } = setUp()
    for (let i = 0; i < 3; i++) expect(a.wait(`${i}`, { limit: 3 })).toBeDefined()
    expect(a.wait('4', { limit: 3 })).toBeUndefined()
    expect(a.queue.waiting).toBe(3)
    a.release('x')
    expect(a.wait('5', { limit: 3 })).toBeDefined()
  })

  test('requests that left do not fill the line for good, whether or not somebody waits before them', () => {
    const {
      threads: [a],
    } = setUp()
    for (let i = 0; i < 50; i++) a.wait(`${i}`, { limit: 4 })?.leave()
    a.wait('first', { limit: 4 })
    for (let i = 0; i < 50; i++) a.wait(`${i}`, { limit: 4 })?.leave()
    expect(a.wait('second', { limit: 4 })).toBeDefined()
    a.release('x')
    a.release('y')
    expect(a.log).toEqual(['first has x', 'second has y'])
  })

  test('tickets are used again', () => {
    const {
      threads: [a],
    } = setUp()
    for (let i = 0; i < 500; i++) {
      a.wait(`${i}`)
      if (i % 3 === 0) a.wait(`${i} leaves`)?.leave()
      a.release('x')
    }
    expect(a.log).toHaveLength(500)
    expect(a.state.root[HEADER.TICKETS_USED]).toBeLessThan(20)
  })

  test('each ticket that it takes it gives back', () => {
    const {
      threads: [a],
    } = setUp()
    const taken = vi.spyOn(a.waits.pool, 'take')
    const given = vi.spyOn(a.waits.pool, 'give')
    for (const tier of [0, 1, 2]) a.wait(`${tier}`, { tier })
    a.wait('refused', { limit: 3 })
    a.wait('leaves')?.leave()
    for (const place of ['x', 'y', 'z']) a.release(place)
    expect(a.log).toHaveLength(3)
    expect(given).toHaveBeenCalledTimes(taken.mock.calls.length)
  })

  test('one that cannot use the place that is free is passed over, and keeps its turn', () => {
    const {
      threads: [a],
    } = setUp()
    a.wait('picky', { only: 'y' })
    a.wait('1')
    a.wait('2')
    a.release('x')
    expect(a.log).toEqual(['1 has x'])
    a.release('y')
    expect(a.log).toEqual(['1 has x', 'picky has y'])
    expect(a.word(SERVICE.PASSED)).toBe(0)
    a.release('z')
    expect(a.log.at(-1)).toBe('2 has z')
  })

  test('one that can use some places only tries each that comes free, whatever `free` says of them', () => {
    const {
      threads: [a],
      yard,
    } = setUp()
    a.wait('1')
    a.wait('some', { only: 'hidden', isRestricted: true })
    a.release('x')
    expect(a.log).toEqual(['1 has x'])
    Object.defineProperty(yard, 'free', { value: Object.assign(new Set(['hidden']), {}) })
    Object.defineProperty(yard.free, 'size', { value: 0 })
    a.queue.offer()
    expect([a.log, a.queue.waiting]).toEqual([['1 has x', 'some has hidden'], 0])
  })

  test('a request that sees nobody wait may be quicker: the one that was granted the place keeps its turn', () => {
    const {
      threads: [a],
      yard,
    } = setUp()
    const taken = yard.take
    a.wait('1')
    a.wait('2')
    yard.free.add('x')
    // Another one takes it between the grant and the take.
    yard.take = () => {
      yard.free.clear()
      yard.take = taken
      return undefined
    }
    a.queue.offer()
    expect([a.log, a.queue.waiting]).toEqual([[], 2])
    a.release('y')
    a.release('z')
    expect(a.log).toEqual(['1 has y', '2 has z'])
    expect(a.word(SERVICE.GRANTED)).toBe(0)
  })

  test('one for which there can be no place fails, and the next has its turn', () => {
    const {
      threads: [a],
    } = setUp()
    a.wait('1', { only: 'none' })
    a.wait('2')
    a.release('x')
    expect(a.log).toEqual(['1 failed: there is none', '2 has x'])
  })

  test('what a caller throws at its place is uncaught, and neither ends the turn of the next nor reaches who gave the place', async () => {
    const {
      threads: [a],
      yard,
    } = setUp()
    const before = process.listeners('uncaughtException')
    const uncaught: string[] = []
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error.message))
    try {
      a.queue.wait(
        {
          request: { id: '1' },
          tier: 1,
          longestMs: LONG_MS,
          placed: () => {
            throw new Error('at its place')
          },
          failed: () => {},
          late: () => {},
        },
        LIMIT,
      )
      a.wait('2')
      yard.free.add('x').add('y')
      a.queue.offer()
      await new Promise((resolve) => setImmediate(resolve))
    } finally {
      process.removeAllListeners('uncaughtException')
      for (const listener of before) process.on('uncaughtException', listener)
    }
    expect([a.log, a.queue.waiting, uncaught]).toEqual([['2 has y'], 0, ['at its place']])
  })

  test('all fail together', () => {
    const {
      threads: [a],
    } = setUp()
    a.wait('1')
    a.wait('2', { only: 'y' })
    a.release('x')
    a.wait('3')
    a.queue.fail(() => new Error('stopped'))
    expect(a.log).toEqual(['1 has x', '2 failed: stopped', '3 failed: stopped'])
    expect([a.queue.waiting, a.word(SERVICE.GRANTED), a.word(SERVICE.PASSED)]).toEqual([0, 0, 0])
  })

  test('a caller that frees a place while it is told of its own does not lose it', () => {
    const {
      threads: [a],
      yard,
    } = setUp()
    a.queue.wait(
      {
        request: { id: '1' },
        tier: 1,
        longestMs: LONG_MS,
        isRestricted: false,
        placed: (place) => a.release(place),
        failed: () => {},
        late: () => {},
      },
      LIMIT,
    )
    a.wait('2')
    a.release('x')
    expect(a.log).toEqual(['2 has x'])
    expect(yard.taken).toEqual(['1 x', '2 x'])
  })

  test('it says for how long it has not been empty', async () => {
    const {
      threads: [a],
      advance,
    } = setUp()
    expect(a.queue.busyMs(1, 100)).toBe(0)
    a.wait('1')
    await advance(40)
    a.wait('2')
    expect(a.queue.busyMs(1, 100)).toBeCloseTo(40, 0)
    a.release('x')
    expect(a.queue.busyMs(1, 100)).toBeCloseTo(40, 0)
    a.release('y')
    expect(a.queue.busyMs(1, 100)).toBe(0)
    await advance(10)
    a.wait('3')
    expect(a.queue.busyMs(1, 100)).toBe(0)
  })

  test('a standing queue that is empty for a moment goes on standing, one that is for longer does not', async () => {
    const {
      threads: [a],
      advance,
    } = setUp()
    const wait = () => a.wait('x', { standingMs: 100 })
    wait()
    await advance(150)
    a.release('x')
    expect(a.queue.waiting).toBe(0)
    await advance(60)
    expect(a.queue.busyMs(1, 100)).toBeCloseTo(210, 0)
    wait()
    expect(a.queue.busyMs(1, 100)).toBeCloseTo(210, 0)
    a.release('y')
    await advance(120)
    expect(a.queue.busyMs(1, 100)).toBe(0)
    wait()
    await advance(30)
    expect(a.queue.busyMs(1, 100)).toBeCloseTo(30, 0)
    a.release('z')
    await advance(10)
    // It was not standing.
    wait()
    expect(a.queue.busyMs(1, 100)).toBeCloseTo(0, 0)
  })

  test('nothing of it stays behind', async () => {
    const {
      threads: [a],
      timers,
      advance,
    } = setUp()
    a.wait('1', { longestMs: 30 })
    const stay = a.wait('2')
    await advance(60)
    stay?.leave()
    await advance(60)
    expect([a.queue.waiting, timers.pending]).toEqual([0, 0])
  })
})

describe('two threads', () => {
  test('the order is that over both, and the other one is called', async () => {
    const {
      threads: [a, b],
    } = setUp(2)
    a.wait('1')
    b.wait('2')
    a.wait('3')
    for (const place of ['x', 'y', 'z']) b.release(place)
    // The first and the third are the other thread's, which finds its grants when it is called.
    expect(b.log).toEqual(['2 has x'])
    expect(b.word(SERVICE.GRANTED)).toBe(2)
    a.queue.called()
    expect(a.log.map((line) => line.split(' ')[0])).toEqual(['1', '3'])
    expect([a.queue.waiting, b.word(SERVICE.GRANTED)]).toEqual([0, 0])
    expect(b.word(SERVICE.WAKE_UPS)).toBe(2)
  })

  test('no more is granted than is free', () => {
    const {
      threads: [a, b],
    } = setUp(2)
    a.wait('1')
    a.wait('2')
    b.release('x')
    b.queue.offer()
    b.queue.offer()
    expect(b.word(SERVICE.GRANTED)).toBe(1)
    a.queue.called()
    expect(a.log).toEqual(['1 has x'])
  })

  test.each([-3, 3])(
    'a count of grants that ended threads have left at %i is begun anew when nobody waits',
    (left) => {
      const {
        threads: [a, b],
      } = setUp(2)
      a.state.serviceWords(0)[a.state.serviceField(0, SERVICE.GRANTED)] = left
      a.wait('1')
      a.wait('2')
      b.release('x')
      expect([b.word(SERVICE.GRANTED), b.word(SERVICE.WAKE_UPS)]).toEqual([1, 1])
      a.queue.called()
      expect(a.log).toEqual(['1 has x'])
    },
  )

  test('grants that there are no more keep a place from nobody for longer than two looks', async () => {
    const {
      threads: [a],
      yard,
      advance,
    } = setUp(2)
    a.wait('1')
    a.wait('2')
    a.state.serviceWords(0)[a.state.serviceField(0, SERVICE.GRANTED)] = 1
    yard.free.add('x')
    await advance(40)
    expect(a.log).toEqual([])
    await advance(70)
    expect(a.log).toEqual(['1 has x'])
    expect(a.word(SERVICE.GRANTED)).toBe(0)
  })

  test('what a thread was granted and does not come to take is taken back after 50 ms, and it keeps its turn', async () => {
    const {
      threads: [a, b],
      timers,
    } = setUp(2)
    a.wait('held')
    b.wait('1')
    b.release('x')
    expect(b.log).toEqual([])
    // As `advance`, but that the held thread's own look does not come.
    a.queue.called = () => {}
    setNow(a.state, timers.now() + 110)
    await timers.advance(110)
    expect(b.log).toEqual(['1 has x'])
    expect(b.word(SERVICE.REVOKED)).toBe(1)
    delete (a.queue as { called?: unknown }).called
    a.queue.called()
    expect(a.log).toEqual([])
    a.release('y')
    expect(a.log).toEqual(['held has y'])
  })

  test('one whose place was taken by another that had seen nobody wait has the next one before those in line', () => {
    const {
      threads: [a, b],
      yard,
    } = setUp(2)
    a.wait('1')
    b.wait('2')
    b.release('x')
    yard.free.delete('x')
    a.queue.called()
    b.release('y')
    expect([a.log, b.log]).toEqual([[], []])
    a.queue.called()
    b.release('z')
    expect([a.log, b.log]).toEqual([['1 has y'], ['2 has z']])
  })

  test('one that leaves after it was granted a place passes it on', () => {
    const {
      threads: [a, b],
    } = setUp(2)
    const stay = a.wait('1')
    b.wait('2')
    b.release('x')
    stay?.leave()
    b.queue.called()
    expect([a.log, b.log]).toEqual([[], ['2 has x']])
  })

  test('one whose time is over when it was granted a place takes it', async () => {
    const {
      threads: [a, b],
      timers,
    } = setUp(2)
    a.wait('1', { longestMs: 10 })
    // It is not called before its time is over.
    a.queue.called = () => {}
    setNow(a.state, timers.now() + 9)
    b.release('x')
    await timers.advance(11)
    expect(a.log).toEqual(['1 has x'])
  })

  test('one that was passed over is asked by the other thread', () => {
    const {
      threads: [a, b],
    } = setUp(2)
    a.wait('picky', { only: 'y' })
    b.wait('1')
    a.release('x')
    b.queue.called()
    expect([a.log, b.log, a.word(SERVICE.PASSED)]).toEqual([[], ['1 has x'], 1])
    let calls = 0
    a.state.lines.call = () => calls++
    b.state.lines.call = () => calls++
    b.release('y')
    expect(calls).toBe(1)
    a.queue.called()
    expect([a.log, a.word(SERVICE.PASSED)]).toEqual([['picky has y'], 0])
  })

  test('what waits in a thread that has ended is nobody’s, and its grants are the others’', () => {
    const {
      threads: [a, b],
    } = setUp(2)
    a.wait('granted')
    a.wait('waits')
    b.wait('1')
    b.wait('2')
    b.release('x')
    expect([b.log, b.word(SERVICE.GRANTED)]).toEqual([[], 1])
    const { thread, token } = a.state
    for (let i = 0; i < 2; i++) releaseWaits(b.state, thread, token)
    expect(b.word(SERVICE.GRANTED)).toBe(0)
    b.queue.offer()
    expect(b.log).toEqual(['1 has x'])
    b.release('y')
    expect(b.log).toEqual(['1 has x', '2 has y'])
    for (let ticket = 0; ticket < b.state.root[HEADER.TICKETS_USED]; ticket++)
      expect(b.state.tickets[ticketWord(ticket) + TICKET.OWNER]).not.toBe(token)
  })
})
