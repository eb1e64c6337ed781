/**
 * Histories of limited counts over threads: a place is given only below the limit, and refused only where each count asked
 * for was at its limit at one moment of the call.
 */
import { describe, expect, it } from 'vitest'
import { HEADER, SLOT } from '../../lib/engine/layout.js'
import { engine as selected } from '../../lib/index.js'
import { Block, distributorNames, spec } from '../contract/block.js'
import { engines } from '../contract/engines.js'
import { configOf, ownBalancer, URLS } from '../support/attached.js'
import { type LimitChange, type LimitFact, LimitModel, type LimitStep } from './limit-model.js'
import { record } from './record.js'
import { type Call, findFault, overlaps } from './search.js'

const ROUNDS = 30
/** Of each thread in each round, and those that give back what is held in the end. */
const CALLS = 120
/** Of threads that nothing holds up: to meet between two instructions they need many. */
const CALLS_AT_FULL_SPEED = 1_500
/** Threads at full speed, or in the addon, may share a core for the time of a whole set, and never meet. */
const MOST_SETS = 10
const THREADS = 3

/** A call as it was recorded: a place taken, or none, or given back. */
interface RecordedCall {
  readonly thread: number
  readonly verb: 'take' | 'leave'
  readonly invoked: number
  readonly responded: number
  /** The endpoint. */
  readonly got?: number | string
  /** The only one that was asked for. */
  readonly wanted?: number
  readonly refused?: string
}
type LimitCall = Call<LimitChange, LimitFact>

const by = (word: number, step: 1 | -1): LimitStep => ({ change: { word, by: step } })

/** Records sets of rounds, until there is one in which calls overlap, and searches each round. */
async function check(
  engine: string,
  shared: { readonly target: string; readonly source: object; readonly isHeldUp: boolean },
  limits: readonly number[],
  stepsOf: (call: RecordedCall) => LimitStep[],
): Promise<{ readonly refused: number; readonly concurrent: number }> {
  let concurrent = 0
  let refused = 0
  for (let set = 0; set < MOST_SETS && concurrent === 0; set++) {
    const seed = Math.floor(Math.random() * 1e9)
    const recorded = await record<RecordedCall>(
      './limits.worker.mjs',
      engine,
      { ...shared, rounds: ROUNDS, calls: shared.isHeldUp ? CALLS : CALLS_AT_FULL_SPEED, seed },
      Array.from({ length: THREADS }, () => ({})),
    )
    for (let round = 0; round < ROUNDS; round++) {
      const calls: LimitCall[] = recorded
        .flatMap((rounds) => rounds[round])
        .map((call) => ({
          ...call,
          steps: stepsOf(call),
          label: `${call.verb} ${call.wanted ?? ''} got ${call.got} at ${call.invoked} to ${call.responded}`,
        }))
      expect(findFault(calls, new LimitModel(limits)), `round ${round} of seed ${seed}`).toBeUndefined()
      concurrent += overlaps(calls)
      refused += calls.filter(({ steps }) => steps.some(({ facts }) => facts !== undefined)).length
    }
  }
  return { concurrent, refused }
}

describe.each(engines)('recorded histories of slots with limits, $kind engine', ({ kind }) => {
  // Calls of the addon cannot be held up.
  const held = kind === 'fallback' ? [true, false] : [false]
  const cases = held.flatMap((isHeldUp) =>
    distributorNames.map((name) => ({ name, speed: isHeldUp ? 'held up' : 'at full speed', isHeldUp })),
  )
  it.each(cases)('$name, $speed', async ({ name, isHeldUp }) => {
    const limits = [2, 1, 3]
    const block = new Block(limits.length)
    block.root[HEADER.CLOCK_MODE] = 0
    for (const [slot, limit] of limits.entries()) block.configure(slot, { limit })
    const { distributor, slots } = spec(name, limits.length)
    const source = {
      kind,
      root: block.root,
      services: block.services,
      segments: block.segments,
      slots,
      distributor,
    }
    const stepsOf = ({ verb, got, wanted }: RecordedCall): LimitStep[] => {
      if (got !== undefined) return [by(got as number, verb === 'take' ? 1 : -1)]
      return [{ facts: wanted === undefined ? [...limits.keys()] : [wanted] }]
    }
    const met = await check(kind, { target: 'core', source, isHeldUp }, limits, stepsOf)
    expect(met.refused, 'calls that found no place').toBeGreaterThan(0)
    if (isHeldUp) expect(met.concurrent, 'pairs of calls that overlap').toBeGreaterThan(0)
    expect(limits.map((_, slot) => block.get(slot, SLOT.IN_FLIGHT))).toEqual([0, 0, 0])
  })
})

describe(`recorded histories of a balancer with limits, ${selected.kind} engine`, () => {
  /** Three of them, and the service as a whole after them. */
  const endpoints = URLS.slice(0, 3)
  const SERVICE = endpoints.length

  it.each([
    { policy: 'round-robin', perEndpoint: 1, inAll: 9, isHeldUp: true },
    { policy: 'round-robin', perEndpoint: 2, inAll: 4, isHeldUp: true },
    { policy: 'least-request', perEndpoint: 1, inAll: 3, isHeldUp: true },
    { policy: 'peak-ewma', perEndpoint: 2, inAll: 5, isHeldUp: false },
  ] as const)(
    '$policy, $perEndpoint each, $inAll in all',
    async ({ policy, perEndpoint, inAll, isHeldUp }) => {
      const limits = { maxRequests: inAll, perEndpoint: { maxRequests: perEndpoint } }
      const balancer = ownBalancer(configOf({ endpoints, policy, limits }))
      const ids = balancer.service('users').endpoints.map(({ id }) => id)
      const stepsOf = ({ verb, got, refused }: RecordedCall): LimitStep[] => {
        if (got !== undefined) {
          const endpoint = ids.indexOf(got as string)
          return verb === 'take' ? [by(SERVICE, 1), by(endpoint, 1)] : [by(SERVICE, -1), by(endpoint, -1)]
        }
        if (refused?.includes(`limits.maxRequests, ${inAll}, is reached`)) return [{ facts: [SERVICE] }]
        expect(refused).toContain('are at their limits')
        // It has a place of the service while it looks for one of an endpoint.
        return [by(SERVICE, 1), { facts: [...endpoints.keys()] }, by(SERVICE, -1)]
      }
      const shared = { target: 'balancer', source: { handle: balancer.handle }, isHeldUp }
      const counts = [...endpoints.map(() => perEndpoint), inAll]
      const met = await check(selected.kind, shared, counts, stepsOf)
      expect(met.refused, 'picks that found no place').toBeGreaterThan(0)
      if (isHeldUp) expect(met.concurrent, 'pairs of calls that overlap').toBeGreaterThan(0)
      expect(balancer.stats().services['users'].inFlight).toBe(0)
    },
  )
})
