/** The EndpointSlices of a service that are known, kept up to date by lists and events. */
import { isRecord } from '../../options/kinds.js'
import type { ResolvedKubernetes } from './options.js'
import { endpointsOf, readSlice, type Slice, type SliceEndpoint } from './slices.js'

export const MAX_SLICES = 10_000
/** Slices whose end is remembered, so that an older event does not bring them back. */
const MAX_REMOVED = 1_000
/** More digits are no revision of a store. */
const DECIMAL = /^\d{1,40}$/

interface Known {
  readonly version: string
  /** Or why it could not be read: it counts as soon as somebody asks for the endpoints. */
  readonly slice: Slice | Error
}

export class SliceSet {
  readonly #options: Pick<ResolvedKubernetes, 'scheme' | 'port'>
  #known = new Map<string, Known>()
  /** The version at which a slice was removed, by its key; those of longest ago first. */
  readonly #removed = new Map<string, string>()

  constructor(options: Pick<ResolvedKubernetes, 'scheme' | 'port'>) {
    this.#options = options
  }

  /** A list tells all that there are. */
  replace(objects: readonly unknown[]): void {
    this.#known = new Map()
    this.#removed.clear()
    for (const object of objects) this.put(object)
  }

  /** Added or changed; an older one than is known is ignored. */
  put(object: unknown): void {
    const { key, version } = identityOf(object)
    if (this.#isOutdated(key, version)) return
    if (!this.#known.has(key) && this.#known.size >= MAX_SLICES)
      throw new Error(
        `the service has more than ${MAX_SLICES} EndpointSlices, which are the most that are taken`,
      )
    this.#removed.delete(key)
    this.#known.set(key, { version, slice: this.#read(object) })
  }

  remove(object: unknown): void {
    const { key, version } = identityOf(object)
    if (this.#isOutdated(key, version) || !this.#known.delete(key)) return
    this.#removed.set(key, version)
    if (this.#removed.size > MAX_REMOVED) this.#removed.delete(this.#removed.keys().next().value as string)
  }

  /** Throws where a slice is malformed, or none has the port. */
  endpoints(): SliceEndpoint[] {
    const slices = Array.from(this.#known.values(), ({ slice }) => {
      if (slice instanceof Error) throw slice
      return slice
    })
    return endpointsOf(slices, this.#options.port)
  }

  #isOutdated(key: string, version: string): boolean {
    return isOlder(version, this.#known.get(key)?.version ?? this.#removed.get(key) ?? '')
  }

  #read(object: unknown): Slice | Error {
    try {
      return readSlice(object, this.#options)
    } catch (error) {
      return error as Error
    }
  }
}

/** Whether `version` is before `other`, where both are numbers. The API lets versions be any text. */
export const isOlder = (version: string, other: string): boolean =>
  DECIMAL.test(version) && DECIMAL.test(other) && BigInt(version) < BigInt(other)

/** `metadata.resourceVersion` of an object or a list; empty where there is none. */
export function versionOf(object: unknown): string {
  const metadata = isRecord(object) ? object.metadata : undefined
  return isRecord(metadata) && typeof metadata.resourceVersion === 'string' ? metadata.resourceVersion : ''
}

/** By its uid: one that was made anew under the same name is another one. */
function identityOf(object: unknown): { key: string; version: string } {
  const metadata = isRecord(object) ? object.metadata : undefined
  const key = isRecord(metadata) ? metadata.uid || metadata.name : undefined
  if (typeof key !== 'string') throw new Error('an EndpointSlice has neither metadata.uid nor metadata.name')
  return { key, version: versionOf(object) }
}
