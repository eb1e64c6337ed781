/** What a row of the table is made of. Everything here is plain data: the child processes get parts of it. */

export type Protocol = 'http/1.1' | 'tls' | 'http/2'

/** Who makes the fault. */
export type Place =
  /** The endpoint's process itself: `fault` names an entry of `faults/`. */
  | 'endpoint'
  /** The parent, by signals to the endpoint's process: `fault` names an entry of `parent/process-faults.ts`. */
  | 'process'
  /** The client's process, in which something is missing or mocked: `fault` names an entry of `client/surroundings.ts`. */
  | 'client'

export interface Row {
  readonly name: string
  /** For readers: what the endpoint does. */
  readonly what: string
  readonly protocol: Protocol
  readonly place: Place
  readonly fault: string
  /** How many of the three endpoints are faulty at the same time. */
  readonly faulty: 1 | 2
  /** How long the fault is on, ms. */
  readonly faultMs: number
  /** Whether a faulty endpoint reads every request that is sent to it. Its count is then exact, and not only a lower bound. */
  readonly readsAll: boolean
  /** The protocol tells the client that a faulty endpoint has acted on nothing: POSTs go elsewhere, too. */
  readonly unprocessed?: boolean
  /** The URLs of the endpoints have names, which a mock of the resolver answers for. */
  readonly named?: boolean
  /** Each answer of all endpoints ends its connection, so that each request needs a new one. */
  readonly closing?: boolean
  /** Largest number of descriptors of the process that runs out of them (`ulimit -n`). */
  readonly descriptors?: { readonly of: 'endpoint' | 'client'; readonly most: number }
  /** The fault is the client process's own: requests may fail, but nothing may be ejected for it. */
  readonly apart?: boolean
}

export const ENDPOINT_NAMES = ['a', 'b', 'c'] as const
export type EndpointName = (typeof ENDPOINT_NAMES)[number]

/** The faulty ones come first. */
export const faultyEndpoints = (row: Row): readonly EndpointName[] => ENDPOINT_NAMES.slice(0, row.faulty)
