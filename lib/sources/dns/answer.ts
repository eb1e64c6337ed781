/** What a lookup gives. */

export interface Found {
  /** IPv4, or IPv6 without brackets. */
  readonly address: string
  /** This and the others of SRV only. */
  readonly port?: number
  readonly priority?: number
  readonly weight?: number
  /** Host name that the address is of, in lower case, without the dot at the end. */
  readonly target?: string
}

export interface Answer {
  /** No address (for SRV: address and port) is there twice. */
  readonly records: readonly Found[]
  /** For how long it holds, in ms: the least time to live of all records that were used, at most a day. */
  readonly ttlMs: number
}
