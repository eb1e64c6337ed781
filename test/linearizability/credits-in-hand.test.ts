/**
 * How early a push may be refused: a thread that has taken credits from the common stock, and not yet put them into its
 * lane, has those in hand which it took for its next pushes. Here it stands still at each of its atomic operations in turn.
 */
import { expect, it } from 'vitest'
import { FallbackLanes } from '../../lib/queue/fallback-lanes.js'
import { laneWord } from '../../lib/queue/layout.js'
import { createQueueMemory } from '../../lib/queue/memory.js'
import { writeLane } from '../../lib/queue/writing.js'
import { interposeAt } from '../support/atomics.js'
import { mostInHand } from './queue-model.js'

/** More places than a push has. */
const MOST = 200

it.each([1, 8, 15, 16, 24, 100, 4000])(
  'of a capacity of %i another thread fills all but what one that stands still has in hand',
  (capacity) => {
    let fewest = capacity
    for (let at = 0; at < MOST; at++) {
      const memory = createQueueMemory(capacity, 'fallback')
      const one = new FallbackLanes(memory)
      const other = new FallbackLanes(memory)
      const lane = one.takeLane()
      const otherLane = other.takeLane()
      let accepted = 0
      const push = (): void => {
        while (writeLane(other, otherLane, Uint32Array.of(1)) === 1) accepted++
      }
      const isReached = interposeAt(at, push, () => writeLane(one, lane, Uint32Array.of(2)))
      if (!isReached) break
      fewest = Math.min(fewest, accepted)
      // Afterwards nothing is missing: both together fill the queue.
      push()
      const inside = accepted + memory.unpublished(laneWord(lane))
      expect(inside, `stopped at place ${at}`).toBe(capacity)
    }
    // One of them is the place of the item that it is about to push.
    expect(fewest).toBe(capacity - 1 - mostInHand(capacity))
  },
)
