import { expect, it } from 'vitest'
import { TokenBucket } from '../../lib/sources/token-bucket.js'
import { ManualTimers } from '../support/manual-timers.js'

it('lets some through at once, and then one each so many ms', async () => {
  const timers = new ManualTimers()
  const bucket = new TokenBucket(3, 1_000, timers)
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 0])
  expect([bucket.take(), bucket.take()]).toEqual([1_000, 2_000])
})

it('is full again after a while, and never more than full', async () => {
  const timers = new ManualTimers()
  const bucket = new TokenBucket(2, 1_000, timers)
  bucket.take()
  bucket.take()
  await timers.advance(1_000)
  expect([bucket.take(), bucket.take()]).toEqual([0, 1_000])
  await timers.advance(600_000)
  expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([0, 0, 1_000])
})
