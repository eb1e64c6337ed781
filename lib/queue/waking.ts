/** Whom to wake, and how. */
import type { QueueLanes } from './lanes.js'
import { WAITER_KIND } from './layout.js'
import { isAnyReadable, isEnded } from './reading.js'
import { anyAsleep, claimSleeper, kindOf, mark } from './sleepers.js'

/**
 * To be called after something was read, or the queue was closed: wakes one sleeper where there is something left to read,
 * all of them where there never will be again. One load where nobody sleeps.
 */
export function passOn(lanes: QueueLanes): void {
  const { memory } = lanes
  if (!anyAsleep(memory)) return
  if (isAnyReadable(memory)) wakeOne(lanes)
  else if (isEnded(memory)) while (wakeOne(lanes));
}

/** Wakes one sleeper: false where nobody slept. */
export function wakeOne(lanes: QueueLanes): boolean {
  const { memory } = lanes
  const waiter = claimSleeper(memory)
  if (waiter < 0) return false
  if (kindOf(memory, waiter) === WAITER_KIND.EVENT_LOOP) lanes.ring(waiter)
  else mark(memory, waiter)
  return true
}
