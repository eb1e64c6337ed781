import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Balancer, type StatsEvent } from '../../lib/index.js'
import { ManualTimers } from '../support/manual-timers.js'

const config = { services: { users: { endpoints: ['http://10.0.0.1:1'] } } }

let timers: ManualTimers
let balancer: Balancer
let events: StatsEvent[]

beforeEach(() => {
  timers = new ManualTimers()
  balancer = new Balancer(config, timers)
  events = []
})

afterEach(() => balancer.stop({ drainMs: 0 }))

const request = (ok: boolean) => balancer.pick('users').end({ ok, status: ok ? 200 : 500, latencyMs: 5 })

test('every five seconds, with what came a second since the last time', async () => {
  balancer.on('stats', (event) => events.push(event))
  await balancer.start()
  for (let i = 0; i < 20; i++) request(i % 4 !== 0)
  await timers.advance(5_000)
  await timers.advance(5_000)
  expect(events.map(({ rates, periodMs }) => [periodMs, rates.users])).toEqual([
    [5_000, { requests: 4, succeeded: 3, failed: 1, retried: 0 }],
    [5_000, { requests: 0, succeeded: 0, failed: 0, retried: 0 }],
  ])
  expect(events[1].stats.services.users.requests).toBe(20)
})

test('where nobody listens there is no timer, and none is left', async () => {
  await balancer.start()
  const before = timers.pending
  const listener = (event: StatsEvent) => events.push(event)
  balancer.on('stats', listener)
  expect(timers.pending).toBe(before + 1)
  await timers.advance(5_000)
  expect(events).toHaveLength(1)
  balancer.off('stats', listener)
  await timers.advance(5_000)
  expect(events).toHaveLength(1)
  expect(timers.pending).toBe(before)
})

test('listeners that come and go do not put it off', async () => {
  await balancer.start({ statsInterval: 1_000 })
  for (let i = 0; i < 20; i++) {
    balancer.on('stats', (event) => events.push(event))
    await timers.advance(100)
  }
  expect(events.length).toBeGreaterThan(5)
  balancer.removeAllListeners()
  events.length = 0
  balancer.on('stats', (event) => events.push(event))
  await timers.advance(2_000)
  expect(events).toHaveLength(2)
})

test('subscribers of the channel get them as well; the interval is an option', async () => {
  const told: unknown[] = []
  const subscriber = (message: unknown) => told.push(message)
  subscribe('fairlead:stats', subscriber)
  try {
    await balancer.start({ statsInterval: 200 })
    await timers.advance(1_000)
    expect(told).toHaveLength(5)
  } finally {
    unsubscribe('fairlead:stats', subscriber)
  }
  await expect(balancer.start({ statsInterval: 1 })).rejects.toThrow(/statsInterval is 1; it takes/)
})

test('of several threads the one that leads tells', async () => {
  const first = new Balancer(config)
  const other = Balancer.attach(first.handle)
  try {
    other.on('stats', (event) => events.push(event))
    expect(other.leads).toBe(false)
    await other.start({ statsInterval: 100 })
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(events).toEqual([])
    await first.stop({ drainMs: 0 })
    expect(events).toEqual([])
  } finally {
    await other.stop()
    await first.stop({ drainMs: 0 })
  }
})

test('after its end nothing is told', async () => {
  balancer.on('stats', (event) => events.push(event))
  await balancer.start()
  const stopped = balancer.stop({ drainMs: 0 })
  await timers.advance(20_000)
  await stopped
  expect(events).toEqual([])
  expect(timers.pending).toBe(0)
})
