import { lowestOf } from './choose.js'
import type { Policy } from './policy.js'
import { sharesOf } from './score.js'

/** Highest of (health + (1 - in-flight/limit) + (1 - latency/1 s)) / 3 among all endpoints. */
export const resourceBased: Policy = {
  name: 'resource-based',
  latency: 'plain',
  picker: (view, { choices = 'all' }) => {
    const { health, room, speed } = sharesOf(view)
    return lowestOf(
      view,
      view.slots,
      (slot, now) => -(health(slot) + room(slot) + speed(slot, now)) / 3,
      choices,
    )
  },
}
