/** EndpointSlices as the API writes them, for tests. */
export interface SliceSpec {
  readonly name?: string
  readonly addressType?: unknown
  readonly ports?: unknown
  readonly endpoints?: unknown
}

export interface SliceObject {
  readonly addressType: unknown
  readonly metadata: { readonly name: string; readonly uid: string; readonly resourceVersion?: string }
  readonly ports: unknown
  readonly endpoints: unknown
}

export const HTTP_PORT = { name: 'http', protocol: 'TCP', port: 8080 }

export const slice = ({
  name = 'users-a',
  addressType = 'IPv4',
  ports = [HTTP_PORT],
  endpoints = [],
}: SliceSpec): SliceObject => ({
  addressType,
  metadata: { name, uid: `uid-of-${name}` },
  ports,
  endpoints,
})

export const ready = (address: string, more: object = {}) => ({
  addresses: [address],
  conditions: { ready: true, serving: true, terminating: false },
  ...more,
})

/** A pod that is not ready, and does not end. */
export const unready = (address: string) => ({
  addresses: [address],
  conditions: { ready: false, serving: false, terminating: false },
})

/** A pod that ends, and still serves. */
export const draining = (address: string) => ({
  addresses: [address],
  conditions: { ready: false, serving: true, terminating: true },
})
