/** What the processes of nodes and callers are given, and what they report: plain data. */

export const ETCD_PREFIX = 'fairlead/services/'
export const SERVICE = 'users'

export interface NodeOptions {
  readonly name: string
  readonly address: string
  /** The first one is registered; the others are there for endpoints that are written into etcd by hand. */
  readonly ports: readonly number[]
  /** URL under which it registers itself. */
  readonly endpoint: string
  readonly servers: readonly string[]
}

export interface RegistrationChange {
  readonly at: number
  readonly type: 'registered' | 'lost' | 'failed'
  readonly reason: string
}

export interface NodeReport {
  readonly changes: readonly RegistrationChange[]
  readonly wallMs: number
}

export interface CallerOptions {
  readonly servers: readonly string[]
}

export interface RequestRecord {
  readonly sentAt: number
  endAt?: number
  status?: number
  /** What went wrong, of one without a status. */
  error?: string
}

export interface EndpointChange {
  readonly at: number
  readonly type: string
  readonly url: string
  readonly reason: string
}

export interface SourceChange {
  readonly at: number
  readonly type: string
  readonly reason: string
}

/** What the caller knows now. */
export interface View {
  readonly urls: readonly string[]
  /** Of the source: since when it has not answered, and why. */
  readonly ageMs: number | undefined
  readonly error: string | undefined
  readonly heldMs: number | undefined
}

export interface CallerReport {
  readonly records: readonly RequestRecord[]
  readonly endpointChanges: readonly EndpointChange[]
  readonly sourceChanges: readonly SourceChange[]
  /** Longest time by which its event loop was late, ms. */
  readonly lateMs: number
  /** Least number of endpoints that it knew at a time. */
  readonly leastKnown: number
}
