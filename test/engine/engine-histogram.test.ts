import { expect, test } from 'vitest'
import { bucketOf } from '../../lib/engine/atomics/histogram.js'
import {
  HISTOGRAM_BUCKETS,
  HISTOGRAM_SUB_BITS,
  histogramWord,
  MAX_LATENCY_MS,
  SEGMENT_SLOTS,
} from '../../lib/engine/layout.js'

/** Lower bound of a bucket in microseconds, as the layout defines it. */
const lowerBound = (bucket: number) => 2 ** (bucket >> HISTOGRAM_SUB_BITS) * (1 + (bucket & 7) / 8)

test('above 8 us a bucket starts at its lower bound, and the one before ends there', () => {
  const HALF_US = 0.0005
  for (let bucket = (3 << HISTOGRAM_SUB_BITS) + 1; bucket < HISTOGRAM_BUCKETS; bucket++) {
    const bound = lowerBound(bucket) / 1000
    expect([bucketOf(bound - HALF_US), bucketOf(bound + HALF_US)]).toEqual([bucket - 1, bucket])
  }
})

test('up to 8 us a whole microsecond has the bucket that starts at it; below 1 us bucket 0', () => {
  expect([0, 0.0005, 0.000999].map(bucketOf)).toEqual([0, 0, 0])
  for (const us of [1, 2, 3, 4, 5, 6, 7, 8]) expect(lowerBound(bucketOf(us / 1000))).toBe(us)
})

test('the longest latency is in the last octave', () => {
  expect(bucketOf(MAX_LATENCY_MS)).toBe(HISTOGRAM_BUCKETS - 1)
})

test('every bucket of every histogram of a segment has a word of its own', () => {
  const words = new Uint8Array(SEGMENT_SLOTS * HISTOGRAM_BUCKETS)
  for (let histogram = 0; histogram < SEGMENT_SLOTS; histogram++) {
    for (let bucket = 0; bucket < HISTOGRAM_BUCKETS; bucket++) words[histogramWord(histogram, bucket)]++
  }
  expect(words.every((uses) => uses === 1)).toBe(true)
})

test('no two histograms share a cache line', () => {
  for (const bucket of [0, 15, 16, 255]) {
    expect(histogramWord(1, bucket) >> 4).not.toBe(histogramWord(0, bucket) >> 4)
  }
  expect(histogramWord(SEGMENT_SLOTS + 5, 9)).toBe(histogramWord(5, 9))
})
