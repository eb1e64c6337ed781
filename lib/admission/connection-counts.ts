import { CONNECTION_CONTRIBUTION, SERVICE, SLOT } from '../engine/layout.js'
import type { SharedState } from '../engine/state.js'
import { type CountWords, SharedCount } from './shared-count.js'

/** Counts over all threads that are no part of a pick: of one endpoint, or of a service as a whole. */
export interface ConnectionCounters {
  /** Connections of fairlead's own that are open or being opened. */
  readonly connections: SharedCount
  /** Requests that wait for one. */
  readonly pending: SharedCount
  /** Further tries under way. */
  readonly retries: SharedCount
}

/** Fields of the same meaning. */
const OF_SLOT = [SLOT.CONNECTIONS, SLOT.PENDING, SLOT.ACTIVE_RETRIES] as const
const OF_SERVICE = [SERVICE.CONNECTIONS, SERVICE.PENDING, SERVICE.ACTIVE_RETRIES] as const
const OWN = [
  CONNECTION_CONTRIBUTION.CONNECTIONS,
  CONNECTION_CONTRIBUTION.PENDING,
  CONNECTION_CONTRIBUTION.ACTIVE_RETRIES,
] as const

export function slotCounters(state: SharedState, slot: number): ConnectionCounters {
  const { cells, connections } = state.segmentOf(slot)
  return counters(
    { counts: cells, records: connections },
    state.slotWord(slot),
    OF_SLOT,
    state.slotConnections(state.thread, slot),
  )
}

export function serviceCounters(state: SharedState, service: number): ConnectionCounters {
  const words = state.serviceWords(service)
  return counters(
    { counts: words, records: words },
    state.serviceField(service, 0),
    OF_SERVICE,
    state.serviceConnections(state.thread, service),
  )
}

function counters(
  words: Pick<CountWords, 'counts' | 'records'>,
  at: number,
  fields: readonly [number, number, number],
  record: number,
): ConnectionCounters {
  const mark = record + CONNECTION_CONTRIBUTION.MARK
  const [connections, pending, retries] = fields.map(
    (field, i) => new SharedCount({ ...words, count: at + field, own: record + OWN[i], mark }),
  )
  return { connections, pending, retries }
}

/** Those of slots, each made when it is first asked for. */
export class SlotCounters {
  readonly #state: SharedState
  readonly #bySlot: (ConnectionCounters | undefined)[] = []

  constructor(state: SharedState) {
    this.#state = state
  }

  of(slot: number): ConnectionCounters {
    this.#bySlot[slot] ??= slotCounters(this.#state, slot)
    return this.#bySlot[slot]
  }
}

/** Gives back what this thread holds of all these counts: it leaves the balancer. */
export function releaseConnectionCounts(state: SharedState): void {
  const release = ({ connections, pending, retries }: ConnectionCounters): void => {
    for (const count of [connections, pending, retries])
      for (let left = count.ownValue; left > 0; left--) count.leave()
  }
  const slots = Math.min(state.slotsUsed, state.segmentSlots)
  for (let slot = 0; slot < slots; slot++)
    if (holdsAny(state.segmentOf(slot).connections, state.slotConnections(state.thread, slot)))
      release(slotCounters(state, slot))
  for (let service = 0; service < state.servicesAttached; service++)
    if (holdsAny(state.serviceWords(service), state.serviceConnections(state.thread, service)))
      release(serviceCounters(state, service))
}

const holdsAny = (records: Int32Array, record: number): boolean =>
  OWN.some((field) => records[record + field] !== 0)
