/** Whom to wake, and how. */
import type { QueueLanes } from './lanes.js'
import { QUEUE_SIZES, WAITER_KIND } from './layout.js'
import { isAnyReadable, isEnded } from './reading.js'
import { anyAsleep, claimSleeper, kindOf, mark, mayBeClaimed } from './sleepers.js'

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
  call(lanes, waiter)
  return true
}

/**
 * To be called after a thread has ended: it may have claimed a sleeper, which nobody else wakes then, and not have come to
 * the call. Another one may be on its way to it, or its owner be awake: then it is called once for nothing. (W5)
 */
export function callClaimed(lanes: QueueLanes): void {
  for (let waiter = 0; waiter < QUEUE_SIZES.WAITERS; waiter++)
    if (mayBeClaimed(lanes.memory, waiter)) call(lanes, waiter)
}

function call(lanes: QueueLanes, waiter: number): void {
  if (kindOf(lanes.memory, waiter) === WAITER_KIND.EVENT_LOOP) lanes.notify(waiter)
  else mark(lanes.memory, waiter)
}
