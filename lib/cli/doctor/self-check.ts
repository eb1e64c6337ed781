/** A few thousand operations on an engine's hot paths, on memory of their own, with every count looked at afterwards. */
import type { CoreFactory } from '../../engine/contract.js'
import { DISTRIBUTOR, METRIC, OUTCOME, SLOT } from '../../engine/layout.js'
import { SharedState } from '../../engine/state.js'

export interface CheckedEngine {
  readonly kind: 'native' | 'fallback'
  readonly factory: CoreFactory
  /** A round trip through its queue; returns what is wrong. Undefined where queues cannot be loaded. */
  readonly checkQueue?: () => string[]
}

export interface CheckResult {
  readonly engine: 'native' | 'fallback'
  readonly picks: number
  readonly queueChecked: boolean
  /** Empty: it works. */
  readonly faults: readonly string[]
}

const ENDPOINTS = 5
const ROUNDS = 1000
/** Picks that are in flight at once. */
const BURST = 4
const SEED = 20_240_601
const LATENCY_MS = 3

/** Checks each engine. All get the same seed, so that their picks must be those of the first. */
export function selfCheck(engines: readonly CheckedEngine[]): CheckResult[] {
  let expected: readonly number[] | undefined
  return engines.map(({ kind, factory, checkQueue }) => {
    const faults: string[] = []
    let picks: number[] = []
    try {
      picks = exercise(kind, factory, faults)
      if (expected !== undefined && picks.some((slot, i) => slot !== expected![i])) {
        faults.push('its picks differ from those of the other engine')
      }
      expected ??= picks
      faults.push(...(checkQueue?.() ?? []))
    } catch (error) {
      faults.push((error as Error).message)
    }
    return { engine: kind, picks: picks.length, queueChecked: checkQueue !== undefined, faults }
  })
}

function exercise(kind: 'native' | 'fallback', factory: CoreFactory, faults: string[]): number[] {
  const state = SharedState.create(kind, factory, SEED)
  const { core } = state
  try {
    const slots = Uint32Array.from({ length: ENDPOINTS }, () => {
      const slot = state.claims.takeSlot()
      state.setFloat(slot, SLOT.WEIGHT, 1)
      return slot
    })
    const service = state.claims.takeService()
    const pick = core.picker({
      distributor: DISTRIBUTOR.TWO_CHOICES,
      metric: METRIC.IN_FLIGHT,
      service,
      slots,
    })
    const picks: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const burst = Array.from({ length: BURST }, () => pick())
      picks.push(...burst)
      for (const slot of burst) core.end(slot, core.startedAt(), OUTCOME.SUCCEEDED, LATENCY_MS)
    }
    verify(state, slots, picks, faults)
    return picks
  } finally {
    core.dispose()
  }
}

function verify(state: SharedState, slots: Uint32Array, picks: readonly number[], faults: string[]): void {
  const strangers = picks.filter((slot) => !slots.includes(slot)).length
  if (strangers > 0) faults.push(`${strangers} of ${picks.length} picks were of no endpoint that was there`)
  for (const slot of slots) {
    const expected = picks.filter((one) => one === slot).length
    const inFlight = state.get(slot, SLOT.IN_FLIGHT)
    const counted = state.total(slot, SLOT.SUCCEEDED)
    if (expected === 0) faults.push(`endpoint ${slot} was never picked`)
    if (inFlight !== 0)
      faults.push(`endpoint ${slot} has ${inFlight} requests in flight after all have ended`)
    if (counted !== expected) faults.push(`endpoint ${slot} counted ${counted} of ${expected} requests`)
  }
}
