import type { Place } from '../engine/claims.js'
import { SLOT, SLOT_FLAGS } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { ConfigError } from '../errors.js'
import type { Endpoint } from '../model/index.js'

/** An endpoint of a service together with the slot of shared memory that holds its state. */
export interface Member extends Place {
  /** Replaced by a new frozen object when weight, zone and the like change; the slot stays. */
  endpoint: Endpoint
  /** Index of its service's record. */
  readonly service: number
}

export interface SlotSettings {
  peak: boolean
  decayMs: number
  /** Latency assumed before the first answer, ms; 0: none. */
  firstLatencyMs: number
  /** Requests in flight allowed; 0: no limit. */
  limit: number
  /** Below that, how many it takes is found out. */
  adaptive: boolean
}

/**
 * Claims a slot for a new endpoint and sets it up. It is this thread's alone until a configuration that names it is
 * published. Throws `ConfigError` where shared memory has no slot left.
 */
export function admit(
  state: SharedState,
  service: number,
  endpoint: Endpoint,
  settings: SlotSettings,
): Member {
  const slot = state.claims.takeSlot()
  if (slot < 0) {
    throw new ConfigError([
      {
        path: 'services',
        message: `more endpoints than a balancer has room for once its handle was read: ${state.capacity}, those that are leaving and one a service included`,
      },
    ])
  }
  state.set(slot, SLOT.SERVICE, service)
  state.set(slot, SLOT.HISTOGRAM, slot + 1)
  state.setFloat(slot, SLOT.HEALTH_SCORE, 1)
  state.setDouble(slot, SLOT.READY_SINCE, state.core.now())
  const member: Member = { endpoint, slot, generation: state.get(slot, SLOT.GENERATION), service }
  configure(state, member, settings)
  if (settings.firstLatencyMs > 0) state.setLatency(slot, settings.firstLatencyMs)
  return member
}

/** Writes what the configuration says of an endpoint; counts, latency and health stay as they are. */
export function configure(state: SharedState, { slot, endpoint }: Member, settings: SlotSettings): void {
  state.setFloat(slot, SLOT.WEIGHT, endpoint.weight)
  state.setFloat(slot, SLOT.DECAY_MS, settings.decayMs)
  state.set(
    slot,
    SLOT.FLAGS,
    (settings.peak ? SLOT_FLAGS.PEAK : 0) | (settings.adaptive ? SLOT_FLAGS.ADAPTIVE : 0),
  )
  state.setLimit(slot, settings.limit)
}
