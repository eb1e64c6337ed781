/** Where a proxy listens, whom it believes and for how long it waits. See docs/proxy.md. */
export interface Listen {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Believe and extend the `x-forwarded-*` headers that requests bring. Only behind a proxy that sets them. */
  readonly trustForwarded: boolean
  /** Addresses and ranges (CIDR) of the proxies whose headers are believed; where it is set, nobody else's are. */
  readonly trustedProxies?: readonly string[]
  /** ms until a request's header fields, or a connection's first, must have come; 0: no limit, as for the next three. */
  readonly headersTimeoutMs: number
  /** ms without a byte of a request's body. */
  readonly bodyTimeoutMs: number
  /** ms for which a connection may be open between two requests. */
  readonly idleTimeoutMs: number
  /** ms in which a client does not take a byte of its answer. */
  readonly sendTimeoutMs: number
  /** ms that requests in flight may take to finish when the proxy stops. */
  readonly drainMs: number
}
