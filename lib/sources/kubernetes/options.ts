/** The options of a source that watches the EndpointSlices of a service, all checked. */
export interface ResolvedKubernetes {
  readonly service: string
  /** Default: that of the pod's service account, else `default`. */
  readonly namespace?: string
  /** Name or number of a port of the slices. Default: the only one, else the one called `http`. */
  readonly port?: string | number
  readonly scheme: 'http' | 'https'
  /** URL of the API server. Default: as a pod finds it, by KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT. */
  readonly server?: string
  /** Default: that of the pod's service account. */
  readonly tokenFile?: string
  /** Default: `ca.crt` beside the token. Not read where the server is `http:`. */
  readonly caFile?: string
}
