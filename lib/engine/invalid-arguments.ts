/** What both engines refuse, in the same words. */
import { ArgumentError } from '../errors.js'
import type { PickerSpec } from './contract.js'
import { DISTRIBUTOR, METRIC } from './layout.js'

/** A position is drawn by one multiplication of 32 random bits, exact in a double below this. */
const LARGEST_SLOT_COUNT = 2 ** 21

const DISTRIBUTORS: readonly number[] = Object.values(DISTRIBUTOR)
const METRICS: readonly number[] = Object.values(METRIC)

/** The error for a slot that is not among the `known` slots of a core, counted from 0. */
export const unknownSlot = (slot: number, known: number): ArgumentError =>
  new ArgumentError(
    `slot ${slot} is not known to this core: ${known === 0 ? 'it has no segment (any more)' : `it has the slots 0 to ${known - 1}`}`,
  )

/** The error for arguments of `nextPosition`. */
export const badPosition = (service: number, n: number, services: number): ArgumentError =>
  new ArgumentError(
    `nextPosition(${service}, ${n}): the service is a whole number below ${services}, the number of positions one from 1 to 4294967295`,
  )

/** Throws where a picker could not be made of `spec` by a core with `slots` slots and `services` services. */
export function checkSpec(spec: PickerSpec, slots: number, services: number): void {
  if (!DISTRIBUTORS.includes(spec.distributor)) {
    throw new ArgumentError(
      `distributor ${spec.distributor} of a picker is none of ${DISTRIBUTORS.join(', ')}`,
    )
  }
  if (!METRICS.includes(spec.metric)) {
    throw new ArgumentError(`metric ${spec.metric} of a picker is none of ${METRICS.join(', ')}`)
  }
  if (!(Number.isInteger(spec.service) && spec.service >= 0 && spec.service < services)) {
    throw new ArgumentError(`service ${spec.service} of a picker is not a whole number below ${services}`)
  }
  if (spec.slots.length >= LARGEST_SLOT_COUNT) {
    throw new ArgumentError(`a picker takes fewer than ${LARGEST_SLOT_COUNT} slots, not ${spec.slots.length}`)
  }
  for (let i = 0; i < spec.slots.length; i++)
    if (spec.slots[i] >= slots) throw unknownSlot(spec.slots[i], slots)
  if (spec.draw === undefined) return
  const { thresholds, aliases } = spec.draw
  if (thresholds.length !== spec.slots.length || aliases.length !== spec.slots.length)
    throw new ArgumentError(
      `a picker's table draws ${thresholds.length} and ${aliases.length} positions, but it has ${spec.slots.length} slots`,
    )
  for (let i = 0; i < aliases.length; i++)
    if (aliases[i] >= aliases.length)
      throw new ArgumentError(`position ${aliases[i]} of a picker's table is not below ${aliases.length}`)
}
