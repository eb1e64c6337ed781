import { beforeEach, describe, expect, it } from 'vitest'
import { type GoOn, type LongLook, type Look, Poller } from '../../lib/sources/poller.js'
import { ManualTimers } from '../support/manual-timers.js'
import { RecordingSink } from './sink.js'

const INTERVAL_MS = 5_000
const TIMEOUT_MS = 1_000
let timers: ManualTimers
let sink: RecordingSink
/** When it looked, ms since the test began. */
let looks: number[]
let refused: number
let next: (signal: AbortSignal, goOn: GoOn) => Promise<Look | LongLook>

beforeEach(() => {
  timers = new ManualTimers(0, () => 1)
  sink = new RecordingSink()
  looks = []
  refused = 0
  next = async () => ({ endpoints: ['http://a:1'] })
})

const start = (): Poller =>
  new Poller(
    {
      intervalMs: INTERVAL_MS,
      timeoutMs: TIMEOUT_MS,
      look: (signal, goOn) => {
        looks.push(timers.now())
        return next(signal, goOn)
      },
      refused: () => {
        refused++
      },
    },
    sink,
    timers,
  )

it('looks at once, and then each interval, longer or shorter by a tenth', async () => {
  start()
  await timers.advance(12_000)
  expect(looks).toEqual([0, 5_500, 11_000])
  expect(sink.answers).toHaveLength(3)
})

it('looks again when the answer is out of date, where it says so', async () => {
  next = async () => ({ endpoints: [], nextMs: 700 })
  start()
  await timers.advance(1_500)
  expect(looks).toEqual([0, 700, 1_400])
})

it('tells what is as before, and does not tell it as found', async () => {
  next = async () => ({ endpoints: undefined })
  start()
  await timers.advance(0)
  expect(sink).toMatchObject({ answers: [], unchangedTimes: 1 })
})

describe('after a failure', () => {
  it('tries again soon, then ever less often, and at half a minute at the latest', async () => {
    next = async () => Promise.reject(new Error('away'))
    start()
    await timers.advance(100_000)
    const gaps = looks.slice(1).map((at, i) => at - looks[i])
    expect(gaps.slice(0, 9)).toEqual(
      [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000].slice(0, gaps.length),
    )
    expect(sink.errors).toHaveLength(looks.length)
    expect(sink.answers).toEqual([])
  })

  it('leaves half of the wait to chance', async () => {
    timers = new ManualTimers(0, () => 0)
    next = async () => Promise.reject(new Error('away'))
    start()
    await timers.advance(260)
    expect(looks).toEqual([0, 250])
  })

  it('begins anew once it was answered', async () => {
    let fails = true
    next = async () => (fails ? Promise.reject(new Error('away')) : { endpoints: [] })
    start()
    await timers.advance(1_400)
    fails = false
    await timers.advance(100)
    expect(looks).toEqual([0, 500, 1_500])
    fails = true
    await timers.advance(6_000)
    expect(looks.slice(3)).toEqual([7_000, 7_500])
  })

  it('what is refused counts as one, and is not known', async () => {
    sink.refuses = true
    start()
    await timers.advance(400)
    expect(refused).toBe(1)
    await timers.advance(100)
    expect(looks).toEqual([0, 500])
  })
})

it('gives a look up that takes too long, whether or not it heeds the signal', async () => {
  let aborted = false
  next = (signal) =>
    new Promise(() => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
    })
  start()
  await timers.advance(TIMEOUT_MS)
  expect(aborted).toBe(true)
  expect(sink.errors).toEqual(['there is no answer after 1000 ms'])
  await timers.advance(500)
  expect(looks).toEqual([0, 1_500])
})

describe('a look that goes on', () => {
  it('is given up where it does not any more, and nothing of it is told', async () => {
    next = (signal, goOn) =>
      new Promise((_, reject) => {
        goOn(4_000, 'it is silent')
        timers.after(3_000, () => goOn(4_000, 'it is silent again'))
        signal.addEventListener('abort', () => reject(new Error('late')))
      })
    start()
    await timers.advance(6_999)
    expect(sink.errors).toEqual([])
    await timers.advance(1)
    expect(sink.errors).toEqual(['it is silent again'])
    expect(sink.answers).toEqual([])
  })

  it('has told what it found, and says when it is to begin again', async () => {
    next = async () => ({ endpoints: 'told', nextMs: 700 })
    start()
    await timers.advance(1_500)
    expect(looks).toEqual([0, 700, 1_400])
    expect(sink).toMatchObject({ answers: [], unchangedTimes: 0 })
  })

  it('for half a minute is no failure of its beginning', async () => {
    next = () => Promise.reject(new Error('away'))
    start()
    await timers.advance(3_499)
    next = (_, goOn) =>
      new Promise((_resolve, reject) => {
        goOn(40_000, 'it is silent')
        timers.after(31_000, () => {
          goOn(40_000, 'it is silent')
          reject(new Error('cut'))
        })
      })
    await timers.advance(1 + 31_000)
    next = async () => ({ endpoints: [] })
    await timers.advance(500)
    expect(looks.slice(-2)).toEqual([3_500, 35_000])
  })

  it('that has ended cannot go on', async () => {
    let late: GoOn = () => {}
    next = async (_, goOn) => {
      late = goOn
      return { endpoints: [] }
    }
    start()
    await timers.advance(10)
    const { pending } = timers
    late(10, 'too late')
    expect(timers.pending).toBe(pending)
    await timers.advance(1_000)
    expect(sink.errors).toEqual([])
  })
})

describe('asked to look at once', () => {
  it('does, and the interval begins anew', async () => {
    const poller = start()
    await timers.advance(1_000)
    poller.lookNow()
    await timers.advance(5_600)
    expect(looks).toEqual([0, 1_000, 6_500])
  })

  it('looks once more after the look under way, which may have been too early', async () => {
    let answer: (look: Look) => void = () => {}
    next = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const poller = start()
    await timers.advance(10)
    poller.lookNow()
    poller.lookNow()
    expect(looks).toEqual([0])
    answer({ endpoints: [] })
    await timers.advance(0)
    expect(looks).toEqual([0, 10])
    answer({ endpoints: [] })
    await timers.advance(1_000)
    expect(looks).toEqual([0, 10])
  })
})

it('tells nothing any more once it is stopped, and leaves no timer', async () => {
  let answer: (look: Look) => void = () => {}
  next = () =>
    new Promise((resolve) => {
      answer = resolve
    })
  const poller = start()
  await timers.advance(10)
  poller.stop()
  answer({ endpoints: ['http://late:1'] })
  await timers.advance(20_000)
  poller.lookNow()
  await timers.advance(20_000)
  expect(sink).toMatchObject({ answers: [], errors: [], unchangedTimes: 0 })
  expect(looks).toEqual([0])
  expect(timers.pending).toBe(0)
})
