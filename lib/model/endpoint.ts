/** An endpoint as users see it. Frozen; a change makes a new object. */
export interface Endpoint {
  /** Unique within its service; the URL's origin unless configured. */
  readonly id: string
  /** The origin, e.g. `http://10.0.0.1:8080`: no path, no trailing slash. */
  readonly url: string
  /** Host name or address; IPv6 without brackets. */
  readonly host: string
  /** 80 or 443 where the URL has none. */
  readonly port: number
  /** Relative share of traffic, 1 unless configured; more than 0, at most 65,535, fractions allowed. */
  readonly weight: number
  readonly zone: string
  readonly region: string
  /** 0 is preferred; higher levels take over when lower ones lack healthy endpoints. */
  readonly priority: number
  readonly metadata: Readonly<Record<string, unknown>>
}

/** Set by the operator: `ready` takes requests, `drain` only finishes its own, `maint` is not checked either. */
export type AdminState = 'ready' | 'drain' | 'maint'

/** Forced by the operator, or `auto`. `open` takes the endpoint out, `closed` overrules health and ejection. */
export type BreakerOverride = 'auto' | 'open' | 'closed'

/** What an endpoint can do now, all causes together. */
export type EndpointState =
  | 'ready'
  | 'unhealthy'
  | 'ejected'
  | 'probing'
  /** It asked to be left alone for a while (`Retry-After`). */
  | 'parked'
  | 'drain'
  | 'maint'
  | 'open'

/** Connections of one thread to one endpoint. */
export interface ConnectionCounts {
  /** Open ones, those that are idle included. Upgraded ones are not counted. */
  readonly open: number
  /** Of the open ones, those that carry no request. */
  readonly idle: number
  /** Being opened. */
  readonly connecting: number
  /** Requests that wait for a connection: `client.connections` are busy, or the first one is about to say whether it speaks HTTP/2. */
  readonly waiting: number
}
