import type { Endpoint } from '../model/index.js'
import { type EndpointColumns, fromColumns, toColumns } from './endpoint-columns.js'
import type { ResolvedService } from './service.js'

/** A service without its endpoints, and where these are among all that are packed with it. */
export interface PackedService {
  readonly base: Omit<ResolvedService, 'endpoints' | 'given' | 'found'>
  /** Endpoints of each list: those given, and those that each source has found. They follow each other. */
  readonly lists: readonly number[]
  /** The sources, in the order of their lists. */
  readonly keys: readonly string[]
  /** Those in force: one of the lists, or their positions in all of them. */
  readonly inForce: number | Uint32Array
}

/** Several services, and the endpoints of all of them. An endpoint that is in two lists of a service is packed once, and is one again. */
export class Packing {
  readonly #endpoints: Endpoint[] = []

  add(service: ResolvedService): PackedService {
    const { endpoints, given, found, ...base } = service
    const lists = [given, ...found.map((one) => one.endpoints)]
    const keys = found.map(({ key }) => key)
    for (const list of lists) for (const endpoint of list) this.#endpoints.push(endpoint)
    const lengths = lists.map(({ length }) => length)
    const whole = lists.indexOf(endpoints)
    if (whole >= 0) return { base, lists: lengths, keys, inForce: whole }
    const positions = new Map(lists.flat().map((endpoint, i) => [endpoint, i]))
    const inForce = Uint32Array.from(endpoints, (endpoint) => positions.get(endpoint) as number)
    return { base, lists: lengths, keys, inForce }
  }

  get columns(): EndpointColumns {
    return toColumns(this.#endpoints)
  }
}

/** The services again, in the order in which they were packed. Throws where they are none; what they hold is as it was written. */
export class Unpacking {
  readonly #endpoints: readonly Endpoint[]
  #next = 0

  constructor(columns: unknown) {
    const endpoints = fromColumns(columns)
    if (endpoints === undefined) throw new Error('its endpoints are no columns')
    this.#endpoints = endpoints
  }

  service({ base, lists, keys, inForce }: PackedService): ResolvedService {
    const all = lists.map((length) => this.#take(length))
    const [given = [], ...rest] = all
    const found = rest.map((endpoints, i) => ({ key: keys[i], endpoints }))
    const flat = typeof inForce === 'number' ? [] : all.flat()
    const endpoints = typeof inForce === 'number' ? all[inForce] : Array.from(inForce, (at) => flat[at])
    return { ...base, endpoints, given, found } as ResolvedService
  }

  #take(length: number): Endpoint[] {
    const from = this.#next
    this.#next += length
    return this.#endpoints.slice(from, this.#next)
  }
}
