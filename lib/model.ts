/**
 * The words of the domain, as types: what every stage of a request's way speaks of. No code here.
 */
import type { Dispatcher, Pool } from 'undici'

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

export type PolicyName =
  | 'peak-ewma'
  | 'least-request'
  | 'least-response-time'
  | 'round-robin'
  | 'weighted-round-robin'
  | 'random'
  | 'ip-hash'
  | 'geographic'
  | 'resource-based'
  | 'adaptive'
  | 'weighted-random'
  | 'ring-hash'
  | 'maglev'
  | 'rendezvous'
  | 'prequal'
  | 'join-idle-queue'

/** The name of a policy of your own, as `definePolicy` returned it. */
export type CustomPolicyName = string & { readonly [CUSTOM_POLICY]: true }
declare const CUSTOM_POLICY: unique symbol

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

/** What a policy of your own may look at: the usable endpoints of one moment, and how loaded they are. */
export interface PolicyEndpoints {
  readonly endpoints: readonly Endpoint[]
  /** Requests in flight from all threads. */
  inFlight(endpoint: Endpoint): number
  /** Latency average in ms; 0 before the first answer. */
  latencyMs(endpoint: Endpoint): number
  /** Share of recent active checks that passed, 0 to 1; 1 without checks. */
  health(endpoint: Endpoint): number
  /** The weight in force. */
  weight(endpoint: Endpoint): number
  /** Uniform in [0, 1), from the balancer's own seeded generator. */
  random(): number
  /** ms on the balancer's clock, the manual one in tests and simulation. */
  now(): number
}

/** A policy of your own; see `definePolicy`. */
export interface PolicyDefinition {
  /** How its endpoints' latency averages follow a slower answer: at once, or slowly. Default `plain`. */
  readonly latency?: 'peak' | 'plain'
  /**
   * Called whenever the usable endpoints have changed; returns the function that chooses one of them for a request, at
   * once. `undefined` leaves the choice to least-request.
   * @param options what the configuration says under `options`
   */
  picker(
    view: PolicyEndpoints,
    options: Readonly<Record<string, unknown>>,
  ): (request: PickOptions) => Endpoint | undefined
}

/** What an endpoint says of its own load (ORCA). */
export interface LoadReport {
  /** CPU in use, 0 to 1; more where it is overcommitted. */
  cpuUtilization?: number
  /** The application's own idea of how busy it is; where it is above 0 it counts in the place of `cpuUtilization`. */
  applicationUtilization?: number
  /** Requests answered a second. */
  rps?: number
  /** Errors a second. */
  eps?: number
  /** Named figures. */
  named?: Readonly<Record<string, number>>
}

/** How one request asks to be balanced. */
export interface PickOptions {
  /** Consistent choice: requests of one key go to one endpoint under the hash policies. */
  key?: string
  /** The client's IP address, for `ip-hash`. */
  clientIp?: string
  /** The region to prefer, for `geographic` and `adaptive`. */
  region?: string
  /** Request headers, for `hashOn`. Lower-case names. */
  headers?: Record<string, string | string[] | undefined>
  /** Path with query string, for `hashOn`. */
  path?: string
  /** Metadata of the endpoints that may answer: the keys of one of the service's `subsets.selectors`, with their values. */
  subset?: Readonly<Record<string, SubsetValue>>
}

export interface PickRequest extends PickOptions {
  service: string
}

/** How a request ended, for `lease.end`. */
export interface Outcome {
  /** Did the endpoint do its job? Defaults to `status < 500` where a status is given. */
  ok?: boolean
  status?: number
  /** Time to the response's headers in ms; measured from the pick where it is left out. */
  latencyMs?: number
  /** What the endpoint reported of its load, where the answer did not come through fairlead's own clients. */
  load?: LoadReport
}

/** One try of a request that failed, or whose answer was refused. */
export interface FailedTry {
  /** Id of the endpoint. */
  readonly endpoint: string
  /** What ended it: an error's code, or its name where it has none. */
  readonly code?: string
  /** The status of the answer that was refused. */
  readonly status?: number
}

/** `error.fairlead` of a request that failed. */
export interface RequestFailure {
  readonly service: string
  /** In their order; none where no endpoint was asked. */
  readonly tries: readonly FailedTry[]
}

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

/** A value of metadata that endpoints can be chosen by. */
export type SubsetValue = string | number | boolean

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

export interface BalancerConfig {
  services: Record<string, ServiceConfig>
  rules?: readonly RuleConfig[]
  /** Seed of the balancer's random numbers, for reproducible runs. Unsigned 32 bits; drawn at random unless given. */
  seed?: number
}
