import { METRIC, SLOT } from '../engine/layout.js'
import { PolicyError } from '../errors.js'
import type { Endpoint, PickOptions, PolicyDefinition, PolicyEndpoints } from '../model/index.js'
import { TWO_TO_32 } from '../runtime/bits.js'
import { customPolicy } from '../runtime/policies.js'
import { reserveFrom } from './choose.js'
import type { OpenPolicy, PolicyPicker, PolicyView, ResolvedPolicy } from './policy.js'
import { twoChoices } from './two-choices.js'

const RIGHT = 'it must return one of the endpoints of its view, or undefined'

/** The user's policy that `options` names. Whatever it does wrong is a `PolicyError` of the pick, never of the view. */
export function openCustom(options: ResolvedPolicy): OpenPolicy {
  const definition = customPolicy(options.name)
  return {
    picker: (view) => (definition === undefined ? late(view, options) : picker(view, definition, options)),
  }
}

function picker(view: PolicyView, definition: PolicyDefinition, options: ResolvedPolicy): PolicyPicker {
  try {
    return guarded(view, definition, options)
  } catch (error) {
    return failing(options.name, `threw when it was given its endpoints: ${messageOf(error)}`, error)
  }
}

/** A worker thread that has attached to a balancer may define its policies until its first request. */
function late(view: PolicyView, options: ResolvedPolicy): PolicyPicker {
  const { name } = options
  let choose: PolicyPicker | undefined
  return (request) => {
    if (choose === undefined) {
      const definition = customPolicy(name)
      if (definition === undefined)
        throw new PolicyError(
          name,
          'is not defined in this thread',
          'call definePolicy in each worker thread',
        )
      choose = picker(view, definition, options)
    }
    return choose(request)
  }
}

function guarded(view: PolicyView, definition: PolicyDefinition, options: ResolvedPolicy): PolicyPicker {
  const { slots, usable } = view
  const { name } = options
  const positionOf = new Map(usable.map(({ endpoint }, position) => [endpoint, position]))
  const choose = definition.picker(endpointsOf(view, positionOf), options.options)
  if (typeof choose !== 'function')
    return failing(name, `gave ${describe(choose)} in the place of a function that chooses`, undefined)
  const byLeastRequest = twoChoices(view, METRIC.IN_FLIGHT)
  return (request) => {
    if (slots.length === 0) return -1
    const chosen = call(name, choose, request)
    if (chosen === undefined) return byLeastRequest()
    const position = positionOf.get(chosen)
    if (position === undefined) throw new PolicyError(name, `chose ${describe(chosen)}`, RIGHT)
    return reserveFrom(view, slots, position)
  }
}

function call(name: string, choose: (request: PickOptions) => Endpoint | undefined, request: PickOptions) {
  try {
    return choose(request)
  } catch (error) {
    throw new PolicyError(name, `threw: ${messageOf(error)}`, RIGHT, { cause: error })
  }
}

function endpointsOf(
  { state, slots, usable }: PolicyView,
  positionOf: ReadonlyMap<Endpoint, number>,
): PolicyEndpoints {
  const slotOf = (endpoint: Endpoint): number => {
    const position = positionOf.get(endpoint)
    if (position === undefined) throw new TypeError(`${describe(endpoint)} is not an endpoint of this view`)
    return slots[position]
  }
  const { core } = state
  return Object.freeze({
    endpoints: Object.freeze(usable.map(({ endpoint }) => endpoint)),
    inFlight: (endpoint: Endpoint) => state.peek(slotOf(endpoint), SLOT.IN_FLIGHT),
    latencyMs: (endpoint: Endpoint) => core.latency(slotOf(endpoint), core.now()),
    health: (endpoint: Endpoint) => state.getFloat(slotOf(endpoint), SLOT.HEALTH_SCORE),
    weight: (endpoint: Endpoint) => state.getFloat(slotOf(endpoint), SLOT.WEIGHT),
    random: () => core.random() / TWO_TO_32,
    now: () => core.now(),
  })
}

const failing =
  (name: string, what: string, cause: unknown): PolicyPicker =>
  () => {
    throw new PolicyError(name, what, RIGHT, { cause })
  }

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : typeof error)

/** What came in the place of an endpoint, without calling anything of it. */
function describe(value: unknown): string {
  if (value instanceof Promise) return 'a promise (a policy chooses at once)'
  if (typeof value === 'object' && value !== null) {
    const id: unknown = Object.getOwnPropertyDescriptor(value, 'id')?.value
    return typeof id === 'string' ? `an endpoint "${id}" that is not in its view` : 'an object'
  }
  return typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? typeof value)
}
