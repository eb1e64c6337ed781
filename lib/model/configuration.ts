import type { Dispatcher, Pool } from 'undici'
import type { Endpoint } from './endpoint.js'
import type { CustomPolicyName, PolicyName } from './policy.js'
import type { SubsetValue } from './request.js'

/** An endpoint as configured: a URL, or an object. */
export interface EndpointConfig {
  url: string
  id?: string
  weight?: number
  zone?: string
  region?: string
  priority?: number
  metadata?: Record<string, unknown>
  /** Sends the requests to this endpoint, in this thread alone. One that is given as an object is yours to close. */
  dispatcher?: Dispatcher | DispatcherFactory
}

/** A policy with its options. `name` alone means the defaults; `docs/policies.md` lists every option. */
export interface PolicyConfig {
  name: PolicyName | CustomPolicyName
  /**
   * `least-request`, `least-response-time`, `resource-based`, `adaptive`: how many distinct endpoints are compared, or
   * all. Default 2 for `least-request` (Envoy), else all.
   */
  choices?: number | 'all'
  /** `least-request`: load is (in-flight + 1)^bias / weight. Default 1 (Envoy); 0 looks at weights only: each has its share. */
  bias?: number
  /** `peak-ewma`, `least-response-time`, `resource-based`, `adaptive`: time constant of the latency average, in ms. Default 10,000. */
  decayMs?: number
  /** `peak-ewma`: latency assumed of an endpoint that has not answered yet, in ms. Default 30. */
  firstRttMs?: number
  /**
   * `ring-hash`, `maglev`, `rendezvous`: an endpoint takes at most this many per cent of its share of the requests in
   * flight; what is beyond goes to the key's next endpoint. 100 or more; 0, the default, is no bound (Envoy).
   */
  hashBalanceFactor?: number
  /** `ring-hash`: points on the ring for each unit of weight. Default 160 (ketama). */
  pointsPerWeight?: number
  /** `maglev`: slots of the table, a prime. Default 65,537, and 655,373 above 13,107 endpoints. */
  tableSize?: number
  /** `prequal`: path that probes ask for; where it is left out, the load is what this machine's threads see. */
  probePath?: string
  /** `prequal`: probes sent for each request. Default 3. */
  probesPerRequest?: number
  /** `prequal`: probe results kept. Default 16. */
  poolSize?: number
  /** `prequal`: a probe result older than this, in ms, is dropped. Default 1,000. */
  maxProbeAgeMs?: number
  /** `prequal`: an endpoint is hot where its requests in flight are above this quantile of those seen. Default 0.84. */
  hotQuantile?: number
  /** `resource-based`: what decides, the score of health, room and speed, or the load that endpoints report. Default `score`. */
  weights?: 'score' | 'orca'
  /** `resource-based` with `orca`: reports count after an endpoint has sent them for this long, in ms. Default 10,000 (gRPC). */
  blackoutMs?: number
  /** `resource-based` with `orca`: a report older than this, in ms, counts no more. Default 180,000 (gRPC). */
  expiryMs?: number
  /** `resource-based` with `orca`: ms between two updates of the weights. Default 1,000 (gRPC). */
  updateMs?: number
  /** `resource-based` with `orca`: how much errors/requests add to the utilization. Default 1 (gRPC). */
  errorPenalty?: number
  /** Of a policy of your own: plain data, handed to it as it is. */
  options?: Readonly<Record<string, unknown>>
}

/** Active checks of a service's endpoints. Times are in ms. See docs/configuration.md for ranges and defaults. */
export interface HealthConfig {
  http?: {
    /** Path, with a query if need be. Default `/`. */
    path?: string
    /** Default `GET`. */
    method?: 'GET' | 'HEAD'
    /** Status codes that pass: single codes or inclusive `[from, to]` ranges. Default `[[200, 299]]`. */
    expect?: readonly (number | readonly [number, number])[]
    headers?: Readonly<Record<string, string>>
    /** Value of the Host header and SNI name, where it is not the endpoint's. */
    host?: string
    /** The answer's body says weight and state in the words of HAProxy's agent check: `up 75% maxconn:100`. */
    agent?: boolean
  }
  tcp?: boolean | Record<string, never>
  /** ms between two checks of one endpoint. Default 2,000 (HAProxy). */
  interval?: number
  /** ms one check may take. Default 1,000, at most `interval`. */
  timeout?: number
  /** Passing checks in a row that bring an endpoint back. Default 2 (HAProxy). */
  rise?: number
  /** Failing checks in a row that take it out. Default 2. */
  fall?: number
  /** Share of the interval by which each wait varies, 0 to 1. Default 0.1. */
  jitter?: number
}

/** When real requests eject an endpoint, and for how long. Times are in ms. */
export interface OutlierConfig {
  /** Connection failures, resets and time-outs in a row that eject; 0 turns it off. Default 5 (Envoy). */
  consecutiveLocalOrigin?: number
  /** Answers of 502, 503 or 504 in a row that eject; 0 turns it off. Default 5 (Envoy). */
  consecutiveGatewayErrors?: number
  /** Bodies in a row that the endpoint broke after it had answered that eject; 0 turns it off. Default 5. */
  consecutiveBodyFailures?: number
  /** 5xx answers in a row that eject; 0 turns it off. Default 5 (Envoy). */
  consecutive5xx?: number
  /**
   * Per cent of an endpoint's requests that are connection failures, in a row or not, that eject, where that is also three times
   * the share of the service's median endpoint; 0 turns it off. Default 5.
   */
  failurePercentageThreshold?: number
  /** Requests of the endpoint that this share must be of, at least. Default 100. */
  failurePercentageRequestVolume?: number
  /** Longest time in ms over which they are counted. Default 30,000. */
  failurePercentageWindowMs?: number
  /** First ejection in ms, doubled each time, after all but 5xx answers that are no gateway's. Default 1,000. */
  baseConnectEjectionMs?: number
  /** Longest such ejection in ms. Default 30,000. */
  maxConnectEjectionMs?: number
  /** Ejection after 5xx in ms, times the number of ejections so far. Default 30,000 (Envoy). */
  baseEjectionMs?: number
  /** Longest ejection after 5xx in ms. Default 300,000 (Envoy). */
  maxEjectionMs?: number
  /** Per cent of the endpoints that 5xx answers may eject at once; one is always allowed where two or more are left. Default 10 (Envoy). */
  maxEjectionPercent?: number
  /**
   * Longest time in ms that an endpoint is left alone because it answered 429 or 503 with `Retry-After`; at most half of a
   * service's endpoints at once. 0 turns it off. Default 30,000.
   */
  maxParkMs?: number
  /**
   * ms between two attempts to open (and close) a connection to an endpoint that was ejected because nobody could connect;
   * the first that is accepted brings its probe request forward. Off with active checks, which do the same; 0 turns it
   * off. Default 1,000.
   */
  reconnectMs?: number
}

/** Further tries of a request that failed, within a budget that all threads share. Times are in ms. */
export interface RetryConfig {
  /** Tries of one request, the first included. Default 3; 1 turns retries off. */
  attempts?: number
  /** Status codes worth another try. Default 502, 503, 504. */
  statuses?: readonly number[]
  /** ms each try may wait for the response's headers; 0, the default, is no limit. */
  perTryTimeoutMs?: number
  /** Methods that may be sent twice. Default GET, HEAD, OPTIONS, PUT, DELETE, TRACE. */
  methods?: readonly string[]
  budget?: {
    /** Retries allowed for each request, in steps of 0.1. Default 0.2. */
    ratio?: number
    /** Retries allowed each second whatever the traffic. Default 10. */
    minPerSecond?: number
  }
  /** Wait before a retry after a status or reset, in ms: full jitter between 0 and base doubled each try. Default 25. */
  backoffBaseMs?: number
  /** Longest such wait in ms. Default 250. */
  backoffMaxMs?: number
}

/** Requests in flight that are allowed, over all threads; above that `OverloadedError`. */
export interface LimitsConfig {
  /** Requests in flight to the service as a whole; 0, the default, is no limit. */
  maxRequests?: number
  perEndpoint?: {
    /** Requests in flight to one endpoint. Default 1,024 (Envoy); 0 is no limit. Strict: never exceeded. */
    maxRequests?: number
  }
}

/** Where the hash key comes from when the request brings none: exactly one of these. */
export interface HashOnConfig {
  header?: string
  cookie?: string
  query?: string
  path?: boolean
}

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

/** Options of the connections to each endpoint. Those without a word are undici's. */
export interface ClientConfig {
  connect?: Record<string, unknown>
  /** Most connections to one endpoint, of each thread; requests beyond them wait in line, first come, first served. Default: no limit. */
  connections?: number
  /**
   * Age in ms, longer or shorter by up to a tenth, at which a connection is replaced when its requests have ended: so
   * endpoints behind one address are balanced anew. Default 0: no limit.
   */
  maxConnectionAgeMs?: number
  pipelining?: number
  allowH2?: boolean
  headersTimeout?: number
  bodyTimeout?: number
  connectTimeout?: number
  keepAliveTimeout?: number
  keepAliveMaxTimeout?: number
  maxConcurrentStreams?: number
  maxHeaderSize?: number
  maxResponseSize?: number
  /** Host header: the endpoint's own (default), the service's name, the request's own where it has one, or this text. */
  host?: 'endpoint' | 'service' | 'request' | (string & {})
  /** Whether a request for `https:` or `wss:` may go to an `http:` endpoint, in clear text. Default false: `FAIRLEAD_SCHEME`. */
  allowPlaintext?: boolean
  /**
   * Sends the requests in the place of fairlead's own connections: what a factory makes for each endpoint, one dispatcher for all of
   * them (a `MockAgent`), or a factory by the name that `defineDispatcher` was given. Only the last can be shared over threads.
   */
  dispatcher?: DispatcherFactory | Dispatcher | string
}

/**
 * Makes the dispatcher of one endpoint, when it is first chosen, of the service's client options as undici's `Pool` takes
 * them. fairlead closes it when the endpoint leaves or the balancer stops.
 */
export type DispatcherFactory = (endpoint: Endpoint, options: Pool.Options) => Dispatcher

/** An endpoint that has just begun to take requests, or does so again, gets a growing share of its due. */
export interface SlowStartConfig {
  /** How long it takes to the whole share, in ms. */
  windowMs: number
  /** The share is (time / window)^(1 / aggression). Default 1, a straight line (Envoy); more begins faster. */
  aggression?: number
  /** Per cent of its due at the least. Default 10 (Envoy). */
  minWeightPercent?: number
}

/** Requests stay in this process's `zone` as far as its endpoints can carry them. */
export interface ZoneAwareConfig {
  /** How this service's callers spread over zones, in any unit. Default: evenly over the zones of callers and endpoints. */
  origin?: Readonly<Record<string, number>>
  /** Healthy endpoints of a priority level from which on zones count. Default 6 (Envoy). */
  minClusterSize?: number
  /** Per cent of the requests for which zones count. Default 100 (Envoy). */
  routingEnabled?: number
}

/** Requests choose endpoints by metadata: `subset` of a request. */
export interface SubsetsConfig {
  /** Lists of metadata keys; a request names all keys of one of them. */
  selectors: readonly (readonly string[])[]
  /** Where a request goes that names no subset, or none that has endpoints: nowhere, anywhere, or to `default`. Default `none` (Envoy). */
  fallback?: 'none' | 'any' | 'default'
  /** Metadata of the endpoints of the fallback `default`. */
  default?: Readonly<Record<string, SubsetValue>>
}

/** This process uses a part of the endpoints; all processes together use each of them equally (deterministic aperture). */
export interface ApertureConfig {
  /** Which of the callers this process is: 0 to `totalInstances` - 1, each number once. */
  instanceId: number
  /** How many callers there are. */
  totalInstances: number
  /** Endpoints that a process uses at least. Default 12 (Finagle). */
  size?: number
}

/** One service: its endpoints, and how requests are balanced over them. Only `endpoints` has to be given. */
export interface ServiceConfig {
  endpoints: readonly (string | EndpointConfig)[]
  policy?: PolicyName | CustomPolicyName | PolicyConfig
  hashOn?: HashOnConfig
  client?: ClientConfig
  health?: HealthConfig
  /** `false`: no endpoint is ejected. */
  outlier?: OutlierConfig | false
  /** `false`: one try only. */
  retry?: RetryConfig | false
  limits?: LimitsConfig
  /**
   * Share of healthy endpoints, 0 to 1, below which active checks and ejections after 5xx are ignored; those that real
   * requests proved broken are asked only where nobody else is left. Default 0.5 (Envoy); 0 turns both off.
   */
  panicThreshold?: number
  /** In panic nobody is asked, instead of everybody. Default false (Envoy). */
  failTrafficOnPanic?: boolean
  /** A priority level counts as whole while this times its healthy share is at least 1. Default 1.4 (Envoy). */
  overprovisioningFactor?: number
  slowStart?: SlowStartConfig
  zoneAware?: ZoneAwareConfig
  subsets?: SubsetsConfig
  aperture?: ApertureConfig
  /** This process's own region and zone, as defaults for requests that name none. */
  region?: string
  zone?: string
}

/** A rule: service names that match `service` get these settings on top of their own. The most specific pattern wins. */
export interface RuleConfig {
  /** Unique; the pattern unless given. */
  id?: string
  /** Name or pattern: `*` stands for any run of characters, e.g. `users`, `users-*`, `*.internal`. */
  service: string
  policy?: PolicyName | CustomPolicyName | PolicyConfig
  /** Only these endpoints of the service, by id. Ids that a service does not have are passed over. */
  endpoints?: readonly string[]
  /** Weights by endpoint id. */
  weights?: Readonly<Record<string, number>>
  /** Laid over the service's own, field by field. */
  retry?: RetryConfig | false
  /** `interval` of the health checks in ms; cuts their `timeout` to it. No effect where no check is configured. */
  healthInterval?: number
}

/** What a `Balancer` is made of: services by name, and rules over them. */
export interface BalancerConfig {
  services: Record<string, ServiceConfig>
  rules?: readonly RuleConfig[]
  /** Seed of the balancer's random numbers, for reproducible runs. Unsigned 32 bits; drawn at random unless given. */
  seed?: number
}
