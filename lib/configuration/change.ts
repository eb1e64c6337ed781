import { deserialize, serialize } from 'node:v8'
import type { Place } from '../engine/claims.js'
import type { Room } from '../engine/state.js'
import { HandleError } from '../errors.js'
import type { Endpoint } from '../model/index.js'
import { deepFreeze } from '../options/freeze.js'
import type { Found } from '../sources/found.js'
import { isStretch, type ListDifference, type Stretch } from '../topology/list-difference.js'
import { fromColumns, toColumns } from './endpoint-columns.js'
import { refuseGiven, refuseGivenTo } from './given-dispatchers.js'
import { type PackedService, Packing, Unpacking } from './packed.js'
import type { ResolvedRule } from './rule.js'
import type { ResolvedService } from './service.js'

/**
 * A service as every thread is to have it: its record, and the places of the endpoints that are in force, in their order. A
 * thread that attaches reads old changes too, of slots that are others' by now: therefore they bear the generation.
 */
export interface PlacedService {
  readonly name: string
  readonly index: number
  /** As configured, before any rule. */
  readonly base: ResolvedService
  readonly places: readonly Place[]
}

/** Where the endpoint of that id is from now on. */
export interface FreshPlace {
  readonly id: string
  readonly place: Place
}

/** What goes from the thread that changes the configuration to all others; slots and records in it are set up already. */
export type Change =
  | {
      readonly kind: 'all'
      readonly services: readonly PlacedService[]
      readonly rules: readonly ResolvedRule[]
    }
  | { readonly kind: 'service'; readonly service: PlacedService }
  | { readonly kind: 'add'; readonly service: number; readonly endpoint: Endpoint; readonly place: Place }
  | { readonly kind: 'remove'; readonly service: number; readonly id: string }
  /** A source of the service has found other endpoints. `places` are those of all that are in force. */
  | {
      readonly kind: 'found'
      readonly service: number
      readonly found: Found
      readonly places: readonly Place[]
    }
  /**
   * As `found`, told by what the source had found before. `fresh`: the places of the endpoints that were not in force.
   */
  | {
      readonly kind: 'found-difference'
      readonly service: number
      readonly key: string
      readonly difference: ListDifference
      readonly fresh: readonly FreshPlace[]
    }
  /** The endpoint of that id has another weight now. */
  | { readonly kind: 'weigh'; readonly service: number; readonly endpoint: Endpoint }

/** Throws `ConfigError` where something of it cannot go to other threads. */
export function encodeChange(change: Change): Uint8Array {
  if (change.kind === 'all') for (const { base } of change.services) refuseGiven(base)
  else if (change.kind === 'service') refuseGiven(change.service.base)
  else if (change.kind === 'add') refuseGivenTo(change.endpoint)
  return serialize(packed(change))
}

/** Lists of endpoints, which may be long, as columns. */
function packed(change: Change): unknown {
  const packing = new Packing()
  const pack = ({ base, ...placed }: PlacedService) => ({ ...placed, packed: packing.add(base) })
  switch (change.kind) {
    case 'all':
      return { ...change, services: change.services.map(pack), endpoints: packing.columns }
    case 'service':
      return { ...change, service: pack(change.service), endpoints: packing.columns }
    case 'found': {
      const { key, endpoints } = change.found
      return { ...change, found: { key }, endpoints: toColumns(endpoints) }
    }
    default:
      return change
  }
}

/** What `packed` has made of it; anything where it has made nothing like it. May throw. */
function unpacked(record: unknown): unknown {
  if (!isRecord(record)) return record
  const { endpoints, ...change } = record
  const unpack = (unpacking: Unpacking, { packed, ...placed }: Record<string, unknown>) => ({
    ...placed,
    base: unpacking.service(packed as PackedService),
  })
  switch (change.kind) {
    case 'all': {
      const unpacking = new Unpacking(endpoints)
      const services = change.services as Record<string, unknown>[]
      return { ...change, services: services.map((one) => unpack(unpacking, one)) }
    }
    case 'service':
      return {
        ...change,
        service: unpack(new Unpacking(endpoints), change.service as Record<string, unknown>),
      }
    case 'found':
      return { ...change, found: { ...(change.found as object), endpoints: fromColumns(endpoints) } }
    default:
      return record
  }
}

/** What it returns is frozen, as a configuration is. Throws a `HandleError` where the record is none, or names what there is not. */
export function decodeChange(record: Uint8Array, room: Room): Change {
  let change: unknown
  try {
    change = unpacked(deserialize(record))
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error))
  }
  if (!isChange(change, room)) throw unreadable('a change names what there is not')
  return deepFreeze(change)
}

const unreadable = (why: string): HandleError =>
  new HandleError(`The configuration that this balancer's threads share cannot be read: ${why}`)

// Only what becomes part of an address, and the frame around it: that the rest is what was written, its checksum says.

function isChange(change: unknown, room: Room): change is Change {
  if (!isRecord(change)) return false
  const isIndex = (index: unknown) => isBelow(index, room.services)
  switch (change.kind) {
    case 'all':
      return areAll(change.services, (one) => isPlaced(one, room)) && Array.isArray(change.rules)
    case 'service':
      return isPlaced(change.service, room)
    case 'add':
      return isIndex(change.service) && isEndpoint(change.endpoint) && isPlace(change.place, room)
    case 'weigh':
      return isIndex(change.service) && isEndpoint(change.endpoint)
    case 'found':
      return (
        isIndex(change.service) &&
        isFound(change.found) &&
        areAll(change.places, (place) => isPlace(place, room))
      )
    case 'found-difference':
      return (
        isIndex(change.service) &&
        typeof change.key === 'string' &&
        areAll(change.difference, (part) => isStretch(part as Stretch) || isEndpoint(part)) &&
        areAll(change.fresh, (one) => isRecord(one) && typeof one.id === 'string' && isPlace(one.place, room))
      )
    case 'remove':
      return isIndex(change.service) && typeof change.id === 'string'
    default:
      return false
  }
}

const isPlaced = (service: unknown, room: Room): boolean =>
  isRecord(service) &&
  typeof service.name === 'string' &&
  isBelow(service.index, room.services) &&
  isRecord(service.base) &&
  areAll(service.base.endpoints, isEndpoint) &&
  areAll(service.base.given, isEndpoint) &&
  areAll(service.base.found, isFound) &&
  areAll(service.places, (place) => isPlace(place, room))

const isFound = (found: unknown): boolean =>
  isRecord(found) && typeof found.key === 'string' && areAll(found.endpoints, isEndpoint)

const isEndpoint = (endpoint: unknown): boolean =>
  isRecord(endpoint) && typeof endpoint.id === 'string' && typeof endpoint.url === 'string'

const isPlace = (place: unknown, { slots }: Room): boolean =>
  isRecord(place) && isBelow(place.slot, slots) && Number.isInteger(place.generation)

const isBelow = (number: unknown, end: number): boolean =>
  Number.isInteger(number) && (number as number) >= 0 && (number as number) < end

const areAll = (list: unknown, is: (one: unknown) => boolean): boolean =>
  Array.isArray(list) && list.every(is)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null
