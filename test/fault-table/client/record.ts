import type { BalancerStats } from 'fairlead'

/** How a request ended. All but `open` ones ended by themselves. */
export type End =
  /** The whole answer came, whatever its status. */
  | 'complete'
  /** The answer ended as a whole one does, and a part of its body was missing. */
  | 'cut'
  /** An error before any final headers. */
  | 'failed'
  /** The headers came, and then the body broke. */
  | 'broken'
  /** Neither an answer nor an error when the row ended. */
  | 'hung'
  /** The headers came, and the body had not ended when the row ended. */
  | 'unfinished'

/** One request as its caller saw it. Times in ms of `monotonicMs`. */
export interface RequestRecord {
  readonly id: string
  readonly method: 'GET' | 'POST'
  readonly sentAt: number
  headersAt?: number
  /** Of the answer that reached the caller. */
  status?: number
  endpoint?: string
  end?: End
  /** Of its error. */
  code?: string
  /** Tries that undici was given for it. */
  tries: number
}

/** How often each endpoint had been picked at a time. */
export interface PickSample {
  readonly at: number
  readonly picks: Readonly<Record<string, number>>
}

export interface EndpointChange {
  readonly at: number
  readonly type: string
  readonly endpoint: string
  readonly reason: string
}

/** By endpoint: what undici says of the tries. */
export interface TryCounts {
  /** Handed to a connection pool. */
  created: number
  /** Whose headers were written to a connection. */
  sent: number
}

export interface ClientReport {
  readonly records: readonly RequestRecord[]
  readonly samples: readonly PickSample[]
  readonly changes: readonly EndpointChange[]
  readonly tries: Readonly<Record<string, TryCounts>>
  readonly stats: BalancerStats['services'][string]
  /** The longest time by which this process's event loop was late, ms: work of its own, or a machine that is too busy. */
  readonly lateMs: number
}

/** What the parent asks while the row runs. */
export interface Look {
  readonly open: number
  /** ms since the youngest open request was sent. */
  readonly youngestMs: number
  /** When the last request was sent that the endpoint has answered well. */
  readonly lastGood: Readonly<Record<string, number>>
}
