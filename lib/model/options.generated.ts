// Generated from the options beside the code that reads them. Do not edit: `npm run build:options` writes it anew.
import type { Dispatcher } from 'undici'
import type { DispatcherFactory } from './dispatcher.js'
import type { CustomPolicyName } from './policy.js'
import type { SubsetValue } from './request.js'
import type { SourceName } from './source-name.js'

/** The policies that come with fairlead; docs/policies.md compares them. */
export type PolicyName =
  | 'peak-ewma'
  | 'least-request'
  | 'least-response-time'
  | 'round-robin'
  | 'weighted-round-robin'
  | 'random'
  | 'weighted-random'
  | 'ip-hash'
  | 'ring-hash'
  | 'maglev'
  | 'rendezvous'
  | 'geographic'
  | 'resource-based'
  | 'adaptive'
  | 'prequal'
  | 'join-idle-queue'

/** A policy with its options. `name` alone means the defaults; docs/policies.md lists every option. */
export interface PolicyConfig {
  /** The policy: one of fairlead's own, or what `definePolicy` returned. */
  name: PolicyName | CustomPolicyName
  /**
   * `peak-ewma`, `least-response-time`, `resource-based`, `adaptive`: Time constant of the latency average. A
   * number of ms, 1 to 86,400,000. Default 10,000 (Finagle, Linkerd).
   */
  decayMs?: number
  /**
   * `peak-ewma`: Latency assumed of an endpoint that has not answered yet. A number of ms, 0 to 86,400,000.
   * Default 30 (Linkerd).
   */
  firstRttMs?: number
  /**
   * `least-request`, `least-response-time`, `resource-based`, `adaptive`: How many distinct endpoints, chosen
   * at random, are compared. A whole number from 2 to 65,535, or 'all'. Default `2` (Envoy) of
   * `least-request`; `all` of `least-response-time`, `resource-based`, `adaptive`.
   */
  choices?: number | 'all'
  /** `least-request`: Load is (in-flight + 1)^bias / weight. A number, 0 to 10. Default 1 (Envoy). */
  bias?: number
  /**
   * `ring-hash`: Points on the ring for each unit of weight. A whole number, 1 to 65,535. Default 160
   * (ketama, nginx).
   */
  pointsPerWeight?: number
  /**
   * `ring-hash`, `maglev`, `rendezvous`: Most requests in flight on an endpoint, of its share; beyond it the
   * key's next endpoint is used. 0: no bound. 0, or 100 to 10,000. Default 0 (Envoy).
   */
  hashBalanceFactor?: number
  /**
   * `maglev`: Slots of the table. A prime from 3 to 5,000,011. Default 65,537, and 655,373 above 13,107
   * endpoints (Maglev, Envoy).
   */
  tableSize?: number
  /**
   * `resource-based`: What decides: the score of health, room and speed, or the load that endpoints report
   * (ORCA). Default `score`.
   */
  weights?: 'score' | 'orca'
  /**
   * `resource-based`: With `orca`: reports count after an endpoint has sent them for this long. A number of
   * ms, 0 to 86,400,000. Default 10,000 (gRPC).
   */
  blackoutMs?: number
  /**
   * `resource-based`: With `orca`: a report older than this counts no more. A number of ms, 1 to 86,400,000.
   * Default 180,000 (gRPC).
   */
  expiryMs?: number
  /**
   * `resource-based`: With `orca`: time between two updates of the weights. A number of ms, 100 to
   * 86,400,000. Default 1,000 (gRPC).
   */
  updateMs?: number
  /**
   * `resource-based`: With `orca`: how much errors/requests add to the utilization. A number, 0 to 1,000.
   * Default 1 (gRPC).
   */
  errorPenalty?: number
  /**
   * `prequal`: Path that probes ask for. Without it the load is what the threads of this balancer see. A path
   * like `/load`. Default none.
   */
  probePath?: string
  /**
   * `prequal`: Probes sent for each request; fractions are carried over. A number, more than 0, at most 100.
   * Default 3 (Prequal).
   */
  probesPerRequest?: number
  /** `prequal`: Probe results kept. A whole number, 2 to 1,024. Default 16 (Prequal). */
  poolSize?: number
  /**
   * `prequal`: A probe result, or a probe without answer, older than this is dropped. A number of ms, 1 to
   * 86,400,000. Default 1,000 (Prequal).
   */
  maxProbeAgeMs?: number
  /**
   * `prequal`: An endpoint is hot where its requests in flight are above this quantile of those seen. A
   * number, 0 to 1. Default 0.84 (Prequal).
   */
  hotQuantile?: number
  /** Of a policy of your own: plain data, handed to it as it is. An object of options. Default `{}`. */
  options?: Readonly<Record<string, unknown>>
}

/** An endpoint as configured: a URL, or an object. */
export interface EndpointConfig {
  /**
   * Origin of the endpoint: scheme, host and port; no path, query, fragment or credentials. A URL like
   * `http://10.0.0.1:8080`.
   */
  url: string
  /**
   * Unique within its service; what `stats()`, rules and `service.set` call it. Text of 1 to 256 characters.
   * Default the URL's origin.
   */
  id?: string
  /**
   * The host is a name, and each of its addresses an endpoint: as a `dns` source, with the rest of what is
   * said here. For endpoints of a configuration. Default false.
   */
  resolve?: boolean
  /**
   * Share of traffic relative to the other endpoints; fractions are allowed. A number, more than 0, at most
   * 65,535. Default 1.
   */
  weight?: number
  /** Zone that the endpoint is in. Text of at most 256 characters. Default `''`. */
  zone?: string
  /** Region that the endpoint is in. Text of at most 256 characters. Default `''`. */
  region?: string
  /**
   * 0 is preferred; higher levels take over when lower ones lack healthy endpoints. A whole number, 0 to 127.
   * Default 0 (Envoy).
   */
  priority?: number
  /** Plain data of your own, handed back with the endpoint. An object. Default `{}`. */
  metadata?: Record<string, unknown>
  /**
   * Sends the requests to this endpoint, in this thread alone; see docs/clients.md. An undici `Dispatcher`,
   * or a function `(endpoint, options) => Dispatcher`. Default the service's `client.dispatcher`.
   */
  dispatcher?: Dispatcher | DispatcherFactory
}

/**
 * Where the endpoints of a service come from: one of `dns`, `file`, `http`, `kubernetes`, `etcd`, or a source
 * of your own.
 */
export interface SourceConfig {
  /** The addresses of a name, asked for again when they are out of date (TTL). Off unless it is given. */
  dns?: {
    /** Name whose addresses are the endpoints. A host name like `users.internal`. */
    name: string
    /** Port of each endpoint. A whole number, 1 to 65,535. Default the scheme's; of `SRV` the record's. */
    port?: number
    /** Records that are asked for. `SRV` has port, priority and weight of each endpoint. Default `A+AAAA`. */
    type?: 'A+AAAA' | 'A' | 'AAAA' | 'SRV'
    /**
     * Scheme of each endpoint. With `https` the certificate is checked for the name, unless
     * `client.connect.servername` says another. Default `http`.
     */
    scheme?: 'http' | 'https'
    /**
     * DNS servers, in the order in which they are asked. An array of addresses like `10.0.0.2` or
     * `10.0.0.2:53`. Default the system's.
     */
    servers?: readonly string[]
    /** Wait for one server. A whole number of ms, 1 to 86,400,000. Default 2,000. */
    timeout?: number
  }
  /** A file, read again when it has changed. Off unless it is given. */
  file?: {
    /** JSON or YAML: a list of endpoints, or an object with `endpoints`. A path. */
    path: string
    /**
     * Time between two looks at the file, where the system does not tell of its changes. A whole number of
     * ms, 1 to 86,400,000. Default 2,000.
     */
    interval?: number
  }
  /** A server that answers with a list of endpoints. Off unless it is given. */
  http?: {
    /**
     * Answers with JSON or YAML: a list of endpoints, or an object with `endpoints`. A URL like
     * `http://registry.internal/users.json`.
     */
    url: string
    /**
     * Time between two requests. An answer with an `ETag` is not sent again while it is the same. A whole
     * number of ms, 1 to 86,400,000. Default 5,000.
     */
    interval?: number
    /** Time that one request may take. A whole number of ms, 1 to 86,400,000. Default 5,000. */
    timeout?: number
    /** Headers that are sent along. An object of header values by name. Default `{}`. */
    headers?: Readonly<Record<string, string>>
  }
  /** The EndpointSlices of a Kubernetes service, watched. Off unless it is given. */
  kubernetes?: {
    /** Name of the Kubernetes service. A name of letters in lower case, digits and hyphens. */
    service: string
    /** Namespace of the service. A name of letters in lower case, digits and hyphens. Default the pod's. */
    namespace?: string
    /**
     * Port of each endpoint: the pods' own, by number or name. A port from 1 to 65,535, or the name of one.
     * Default the only one, or `http`.
     */
    port?: number | string
    /** Scheme of each endpoint. Default `http`. */
    scheme?: 'http' | 'https'
    /** The API server. A URL like `https://10.0.0.1:6443`. Default the cluster's, as a pod finds it. */
    server?: string
    /**
     * File of the token that is sent. It is read again for each request. A path. Default the service
     * account's.
     */
    tokenFile?: string
    /**
     * File of the authorities that the server's certificate is checked against. A path. Default `ca.crt`
     * beside the token.
     */
    caFile?: string
  }
  /** Keys of etcd, watched: those that a service registers itself under. Off unless it is given. */
  etcd?: {
    /** Name of the service in the keys. A name of at most 253 letters, digits, `_`, `.`, `:` and `-`. */
    service: string
    /**
     * Members of the cluster. One that fails is left for the next. An array of URLs like
     * `http://10.0.0.1:2379`. Default `['http://127.0.0.1:2379']`.
     */
    servers?: readonly string[]
    /**
     * What the keys begin with; a slash at its end may be left out. Endpoints stand at `prefix/service/id`.
     * Text of at most 512 characters. Default `fairlead/services/`.
     */
    prefix?: string
    /** Name of the user, where etcd has authentication enabled. A name. Default none. */
    username?: string
    /** File of the password of the user. It is read again for each token. A path. Default none. */
    passwordFile?: string
    /**
     * File of the authorities that the servers' certificates are checked against. A path. Default Node's
     * authorities.
     */
    caFile?: string
    /** File of the certificate that is shown to the servers. A path. Default none. */
    certFile?: string
    /** File of the key of that certificate. A path. Default none. */
    keyFile?: string
    /** Time that one request to one server may take. A whole number of ms, 1 to 86,400,000. Default 5,000. */
    timeout?: number
  }
  /** A source of your own. What `defineSource` returned. Default none. */
  name?: SourceName
  /** Of a source of your own: plain data, handed to it as it is. An object of options. Default `{}`. */
  options?: Readonly<Record<string, unknown>>
  /**
   * Share of the endpoints that may be missing from an answer at once. With more it is held back, and
   * reported. A number, 0 to 1. Default 0.5.
   */
  maxDrop?: number
  /**
   * For how long such an answer is held back. One without any endpoint is never put in force. A whole number
   * of ms, 0 to 86,400,000. Default 30,000.
   */
  holdMs?: number
  /**
   * Endpoints that an answer may have. One with more is refused. A whole number, 1 to 1,000,000. Default
   * 10,000.
   */
  maxEndpoints?: number
}

/** Where the hash key comes from when the request brings none: exactly one of these. */
export interface HashOnConfig {
  /** Takes the hash key from this request header. The name of a header. Default none. */
  header?: string
  /** Takes the hash key from this cookie. The name of a cookie. Default none. */
  cookie?: string
  /** Takes the hash key from this query parameter. The name of a query parameter. Default none. */
  query?: string
  /** Takes the hash key from the URL's path. Default none. */
  path?: boolean
}

/** Options of the connections to each endpoint, most of them undici 7's. */
export interface ClientConfig {
  /**
   * TLS and socket options: `ca`, `cert`, `key`, `servername`, `rejectUnauthorized`, ... as for
   * `tls.connect`. An object of TLS and socket options. Default Node's.
   */
  connect?: Record<string, unknown>
  /**
   * Connections to one endpoint, of each thread. Requests beyond them wait in line. A whole number, 1 to
   * 1,000,000. Default no limit (undici 7).
   */
  connections?: number
  /**
   * Age, longer or shorter by up to a tenth, at which a connection is replaced when its requests have ended;
   * 0 is no limit. A whole number of ms, 0 to 2,147,483,647. Default 0 (Envoy, undici: off).
   */
  maxConnectionAgeMs?: number
  /**
   * Requests sent over one HTTP/1.1 connection before the first answer; 0 turns keep-alive off. A whole
   * number, 0 to 1,000,000. Default 1 (undici 7).
   */
  pipelining?: number
  /** Whether HTTP/2 is spoken with endpoints that offer it. Default false (undici 7). */
  allowH2?: boolean
  /**
   * Wait for a response's headers; 0 is no limit. A whole number of ms, 0 to 2,147,483,647. Default 300,000
   * (undici 7).
   */
  headersTimeout?: number
  /**
   * Wait between two parts of a response's body; 0 is no limit. A whole number of ms, 0 to 2,147,483,647.
   * Default 300,000 (undici 7).
   */
  bodyTimeout?: number
  /**
   * Wait for a connection to open; 0 is no limit. A whole number of ms, 0 to 2,147,483,647. Default 10,000
   * (undici 7).
   */
  connectTimeout?: number
  /**
   * Time after which an idle HTTP/1.1 connection is closed, unless the endpoint says how long it keeps it. A
   * whole number of ms, 1 to 2,147,483,647. Default 4,000 (undici 7).
   */
  keepAliveTimeout?: number
  /**
   * Longest such time that an endpoint may ask for. A whole number of ms, 1 to 2,147,483,647. Default 600,000
   * (undici 7).
   */
  keepAliveMaxTimeout?: number
  /**
   * Requests at a time over one HTTP/2 connection; fewer where the endpoint allows fewer. A whole number, 1
   * to 1,000,000. Default 100 (undici 7).
   */
  maxConcurrentStreams?: number
  /**
   * Longest headers of a response. A whole number of bytes, 1 to 9,007,199,254,740,991. Default 16,384
   * (Node's) (undici 7).
   */
  maxHeaderSize?: number
  /**
   * Longest body of a response; -1 is no limit. A whole number of bytes, -1 to 9,007,199,254,740,991. Default
   * -1 (undici 7).
   */
  maxResponseSize?: number
  /**
   * Host header: the endpoint's own, the service's name, the request's own where it has one (else the
   * endpoint's; in the proxy the client's), or this text. 'endpoint', 'service', 'request', or a host like
   * `users.internal`. Default `'endpoint'`.
   */
  host?: 'endpoint' | 'service' | 'request' | (string & {})
  /**
   * Header that tells the endpoint how many ms are left of a deadline (`deadlineMs`), with each try;
   * `grpc-timeout` has its own form; with `false` none is sent. The name of a header, or false. Default
   * `fairlead-timeout-ms`.
   */
  deadlineHeader?: string | false
  /** Whether a request for `https:` or `wss:` may go to an `http:` endpoint, in clear text. Default false. */
  allowPlaintext?: boolean
  /**
   * Sends the requests in the place of fairlead's own connections; see docs/clients.md. A function
   * `(endpoint, options) => Dispatcher`, an undici `Dispatcher`, or a name given to `defineDispatcher`.
   * Default fairlead's own connections.
   */
  dispatcher?: DispatcherFactory | Dispatcher | string
}

/** Active checks of a service's endpoints, over `http` or `tcp`. */
export interface HealthConfig {
  /** Asks each endpoint over HTTP. Off unless it is given. */
  http?: {
    /** Path that is asked for. A path like `/healthz`. Default `/`. */
    path?: string
    /** Method of the check. Default `GET`. */
    method?: 'GET' | 'HEAD'
    /** Status codes that pass. An array of status codes and ranges `[from, to]`. Default `[[200,299]]`. */
    expect?: readonly (number | readonly [number, number])[]
    /** Headers that are sent along. An object of header values by name. Default `{}`. */
    headers?: Readonly<Record<string, string>>
    /** Host header, and SNI name over https. A host like `users.internal`. Default the endpoint's. */
    host?: string
    /**
     * The answer's body is an agent's words on weight and state, like `up 75% maxconn:100`. Default false
     * (HAProxy).
     */
    agent?: boolean
  }
  /** Checks that a connection can be made. `true`, or `{}`. Default false. */
  tcp?: boolean | Record<string, never>
  /**
   * Time between two checks of one endpoint. A whole number of ms, 1 to 86,400,000. Default 2,000 (HAProxy).
   */
  interval?: number
  /**
   * Time that one check may take; at most `interval`. A whole number of ms, 1 to 86,400,000. Default 1,000,
   * or the interval where that is shorter.
   */
  timeout?: number
  /** Passing checks in a row that bring an endpoint back. A whole number, 1 to 1,000. Default 2 (HAProxy). */
  rise?: number
  /** Failing checks in a row that take an endpoint out. A whole number, 1 to 1,000. Default 2. */
  fall?: number
  /** Share of the interval by which each wait varies. A number, 0 to 1. Default 0.1. */
  jitter?: number
}

/** When real requests eject an endpoint, and for how long. */
export interface OutlierConfig {
  /**
   * Connection failures, resets and time-outs in a row that eject an endpoint; 0 turns it off. A whole
   * number, 0 to 1,000,000. Default 5 (Envoy).
   */
  consecutiveLocalOrigin?: number
  /**
   * Answers of 502, 503 or 504 in a row that eject an endpoint; 0 turns it off. A whole number, 0 to
   * 1,000,000. Default 5 (Envoy).
   */
  consecutiveGatewayErrors?: number
  /**
   * Bodies that the endpoint broke, without a whole one between them, in a row that eject an endpoint; 0
   * turns it off. A whole number, 0 to 1,000,000. Default 5.
   */
  consecutiveBodyFailures?: number
  /**
   * 5xx answers in a row that eject an endpoint; 0 turns it off. A whole number, 0 to 1,000,000. Default 5
   * (Envoy).
   */
  consecutive5xx?: number
  /**
   * Share of an endpoint's requests that are connection failures, in a row or not, that ejects it, if it is
   * also three times the share of the median endpoint; 0 turns it off. A number of per cent, 0 to 100.
   * Default 5.
   */
  failurePercentageThreshold?: number
  /**
   * Requests of an endpoint that such a share must be of, at least. A whole number, 1 to 1,000,000. Default
   * 100.
   */
  failurePercentageRequestVolume?: number
  /**
   * Longest time over which they are counted, from a failure on. A number of ms, 1 to 86,400,000. Default
   * 30,000.
   */
  failurePercentageWindowMs?: number
  /**
   * First ejection after connection failures, gateway errors, broken bodies or no answers; doubled each time.
   * A number of ms, 1 to 86,400,000. Default 1,000.
   */
  baseConnectEjectionMs?: number
  /**
   * Longest such ejection. A number of ms, 1 to 86,400,000. Default 30,000, or the base where that is longer.
   */
  maxConnectEjectionMs?: number
  /**
   * Ejection after 5xx answers that are not 502, 503 or 504 in a row, times the number of ejections so far. A
   * number of ms, 1 to 86,400,000. Default 30,000 (Envoy).
   */
  baseEjectionMs?: number
  /**
   * Longest ejection after 5xx answers. A number of ms, 1 to 86,400,000. Default 300,000, or the base where
   * that is longer (Envoy).
   */
  maxEjectionMs?: number
  /**
   * Share of the endpoints that 5xx answers may eject at once; one is always allowed where two or more are
   * left. Not for 502, 503, 504 in a row, nor for connection failures. A number of per cent, 0 to 100.
   * Default 10 (Envoy).
   */
  maxEjectionPercent?: number
  /**
   * Longest time that an endpoint is left alone because it answered 429 or 503 with `Retry-After`; at most
   * half of the endpoints at once. 0 turns it off. A number of ms, 0 to 86,400,000. Default 30,000.
   */
  maxParkMs?: number
  /**
   * Wait between two attempts to open a connection to an endpoint that was ejected because nobody could
   * connect; the first that is accepted brings its probe request forward. 0 turns it off; active checks take
   * its place. A number of ms, 0 to 86,400,000. Default 1,000.
   */
  reconnectMs?: number
}

/** Further tries of a request that failed, within a budget that all threads share. */
export interface RetryConfig {
  /** Tries of one request, the first included; 1 turns retries off. A whole number, 1 to 100. Default 3. */
  attempts?: number
  /** Status codes worth another try. An array of status codes from 400 to 599. Default `[502, 503, 504]`. */
  statuses?: readonly number[]
  /**
   * Time that each try may wait for the response's headers; 0 is no limit. A number of ms, 0 to 86,400,000.
   * Default 0.
   */
  perTryTimeoutMs?: number
  /**
   * Methods that may be sent twice. An array of methods. Default `GET, HEAD, OPTIONS, PUT, DELETE, TRACE`
   * (RFC 9110, idempotent methods).
   */
  methods?: readonly string[]
  /** How many retries there may be, over all threads. */
  budget?: {
    /** Retries that each request allows. A number, 0 to 10, in steps of 0.001. Default 0.2 (Finagle). */
    ratio?: number
    /**
     * Retries allowed each second whatever the traffic. A whole number of retries/s, 0 to 10,000. Default 10
     * (Finagle).
     */
    minPerSecond?: number
  }
  /**
   * Wait before a retry after a status or a reset: at random between 0 and this, doubled each try. A number
   * of ms, 0 to 86,400,000. Default 25 (Envoy).
   */
  backoffBaseMs?: number
  /**
   * Longest such wait. A number of ms, 0 to 86,400,000. Default 250, or the base where that is longer
   * (Envoy).
   */
  backoffMaxMs?: number
}

/**
 * Requests in flight, connections and further tries that are allowed at a time, over all threads; never
 * exceeded. Requests above that are refused by `OverloadedError`.
 */
export interface LimitsConfig {
  /**
   * Requests in flight to the service as a whole. 0 is no limit. A whole number, 0 to 1,000,000. Default 0.
   */
  maxRequests?: number
  /**
   * Connections of fairlead's own to all endpoints, open or being opened; a request over that waits for a
   * free one. 0 is no limit. A whole number, 0 to 1,000,000. Default 0.
   */
  maxConnections?: number
  /**
   * Requests that wait for a connection, to whichever endpoint. 0 is no limit. A whole number, 0 to
   * 1,000,000. Default 0.
   */
  maxPending?: number
  /**
   * Further tries under way; one over that is not made. 0: the retry budget alone is the limit. A whole
   * number, 0 to 1,000,000. Default 0.
   */
  maxRetries?: number
  /** Of each endpoint. */
  perEndpoint?: {
    /**
     * Requests in flight to one endpoint; never exceeded. 0 is no limit. A whole number, 0 to 1,000,000.
     * Default 1,024 (Envoy).
     */
    maxRequests?: number
    /**
     * As the service's `maxConnections`, to one endpoint. A whole number, 0 to 1,000,000. Default 1,024
     * (Envoy).
     */
    maxConnections?: number
    /**
     * As the service's `maxPending`, at one endpoint; a request over that goes to another one. A whole
     * number, 0 to 1,000,000. Default 1,024 (Envoy).
     */
    maxPending?: number
    /** As the service's `maxRetries`, to one endpoint. A whole number, 0 to 1,000,000. Default 0. */
    maxRetries?: number
    /**
     * Below that, fairlead finds out how many unanswered requests an endpoint takes before they queue up
     * there; where that is no more than is sent, there is no limit but `maxRequests`. Default true.
     */
    adaptive?: boolean
  }
}

/** Requests that find no place wait in line, first come, first served, over all threads. */
export interface QueueConfig {
  /**
   * Requests that wait for a place, over all threads; above that `OverloadedError`. 0: none waits. A whole
   * number, 0 to 32,768. Default 1,024 (Envoy: pending requests).
   */
  limit?: number
  /**
   * Longest wait of a request that has no deadline of its own. A whole number of ms, 1 to 3,600,000. Default
   * 1,000.
   */
  deadlineMs?: number
  /**
   * What a request may wait: with `codel`, where callers are impatient, at most 5 ms while the queue has not
   * been empty for 100 ms (half an answer and ten answers, where those take longer); with `fifo` always until
   * its deadline, which collapses under overload. Default `codel` (Facebook).
   */
  discipline?: 'codel' | 'fifo'
}

/**
 * Rejects a share of the requests at once while too many fail, those of the lowest tiers first (`priority`);
 * `OverloadedError`.
 */
export interface AdmissionControlConfig {
  /**
   * Share of requests that end well; below that requests are rejected, the more the lower it is. A number of
   * per cent, 1 to 100. Default 95 (Envoy).
   */
  successRateThreshold?: number
  /**
   * Largest share of requests that is rejected, of all and of each tier. The others find out whether the
   * service is well again. A number of per cent, 0 to 100. Default 80 (Envoy).
   */
  maxRejectionProbability?: number
  /**
   * Outcomes of this long count, over all threads; older ones fall out a tenth at a time. A whole number of
   * ms, 1,000 to 3,600,000. Default 30,000 (Envoy).
   */
  windowMs?: number
  /**
   * With 1 rejections grow in line with failures; above that they begin with more at once. A number, 1 to
   * 100. Default 1 (Envoy).
   */
  aggression?: number
  /**
   * Nothing is rejected while fewer requests are made: a few outcomes say little. A number of requests/s, 0
   * to 1,000,000. Default 0 (Envoy).
   */
  rpsThreshold?: number
}

/** An endpoint that has just begun to take requests, or does so again, gets a growing share of its due. */
export interface SlowStartConfig {
  /**
   * Time that an endpoint takes to its whole share after it was added, or has recovered. Without `slowStart`
   * it gets that at once. A whole number of ms, 1 to 86,400,000.
   */
  windowMs: number
  /**
   * The share is (time / window)^(1 / aggression): 1 is a straight line, more begins faster. A number, more
   * than 0, at most 100. Default 1 (Envoy).
   */
  aggression?: number
  /** Share that it has at the least. A number of per cent, 1 to 100. Default 10 (Envoy). */
  minWeightPercent?: number
}

/** Requests stay in this process's `zone` as far as its endpoints can carry them. */
export interface ZoneAwareConfig {
  /**
   * How the callers of the service spread over zones, in any unit. Zones that are not named have none. `zone`
   * must have some. An object of numbers by zone. Default even over all zones.
   */
  origin?: Readonly<Record<string, number>>
  /**
   * Healthy endpoints of a priority level below which zones do not count. A whole number, 0 to 1,000,000.
   * Default 6 (Envoy).
   */
  minClusterSize?: number
  /** Share of the requests for which zones count. A number of per cent, 0 to 100. Default 100 (Envoy). */
  routingEnabled?: number
}

/** Requests choose endpoints by metadata: `subset` of a request. */
export interface SubsetsConfig {
  /**
   * The sets of metadata keys that a request may choose endpoints by, with `subset`. An array of lists of
   * metadata keys like `[["version"], ["stage", "version"]]`.
   */
  selectors: readonly (readonly string[])[]
  /**
   * Where a request goes that names no subset, or none that has endpoints: nowhere (`FAIRLEAD_NO_ENDPOINT`),
   * to any endpoint, or to those of `default`. Default `'none'` (Envoy).
   */
  fallback?: 'none' | 'any' | 'default'
  /** Metadata of the endpoints of the fallback `default`. An object of metadata. Default none. */
  default?: Readonly<Record<string, SubsetValue>>
}

/**
 * This process uses a part of the endpoints; all processes together use each of them equally (deterministic
 * aperture).
 */
export interface ApertureConfig {
  /**
   * Which of the callers this process is, each number once. With `zoneAware`: which of those in its zone. 0
   * to `totalInstances` - 1.
   */
  instanceId: number
  /** How many callers there are. With `zoneAware`: in its zone. A whole number, 1 to 1,000,000. */
  totalInstances: number
  /**
   * Endpoints that a process uses at least; all, where there are no more. A whole number, 1 to 1,000,000.
   * Default 12 (Finagle).
   */
  size?: number
}

/**
 * One service: its endpoints, and how requests are balanced over them. Only `endpoints`, or `source`, has to
 * be given.
 */
export interface ServiceConfig {
  /**
   * The endpoints of the service. URLs, or endpoint objects; may be empty. Default none; required without
   * `source`.
   */
  endpoints?: readonly (string | EndpointConfig)[]
  /**
   * Where further endpoints come from: DNS, a file, a server, Kubernetes, etcd, or a source of your own. A
   * source, or an array of sources. Default none.
   */
  source?: SourceConfig | readonly SourceConfig[]
  /** How an endpoint is chosen. A policy name, or `{ name, ...its options }`. Default `'peak-ewma'`. */
  policy?: PolicyName | CustomPolicyName | PolicyConfig
  /**
   * Where the hash key comes from when the request brings none: exactly one of these. Off unless it is given.
   */
  hashOn?: HashOnConfig
  /** Options of the connections to each endpoint, most of them undici 7's. */
  client?: ClientConfig
  /** Active checks of a service's endpoints, over `http` or `tcp`. Off unless it is given. */
  health?: HealthConfig
  /** When real requests eject an endpoint, and for how long. `false`: no endpoint is ejected. */
  outlier?: OutlierConfig | false
  /**
   * Further tries of a request that failed, within a budget that all threads share. `false`: one try only.
   */
  retry?: RetryConfig | false
  /**
   * Requests in flight, connections and further tries that are allowed at a time, over all threads; never
   * exceeded. Requests above that are refused by `OverloadedError`.
   */
  limits?: LimitsConfig
  /** Requests that find no place wait in line, first come, first served, over all threads. */
  queue?: QueueConfig
  /**
   * Rejects a share of the requests at once while too many fail, those of the lowest tiers first
   * (`priority`); `OverloadedError`. Off unless it is given. `true`: on, with the defaults of its options.
   */
  admissionControl?: boolean | AdmissionControlConfig
  /**
   * Share of healthy endpoints below which active checks and ejections after 5xx are ignored; those that real
   * requests proved broken are asked only where nobody else is left. 0 turns both off. A number, 0 to 1.
   * Default 0.5 (Envoy).
   */
  panicThreshold?: number
  /** In panic nobody is asked, instead of everybody. Default false (Envoy). */
  failTrafficOnPanic?: boolean
  /**
   * A priority level counts as whole while this times its healthy share is at least 1. A number, 1 to 100.
   * Default 1.4 (Envoy).
   */
  overprovisioningFactor?: number
  /**
   * An endpoint that has just begun to take requests, or does so again, gets a growing share of its due. Off
   * unless it is given.
   */
  slowStart?: SlowStartConfig
  /**
   * Requests stay in this process's `zone` as far as its endpoints can carry them. Off unless it is given.
   */
  zoneAware?: ZoneAwareConfig
  /** Requests choose endpoints by metadata: `subset` of a request. Off unless it is given. */
  subsets?: SubsetsConfig
  /**
   * This process uses a part of the endpoints; all processes together use each of them equally (deterministic
   * aperture). Off unless it is given.
   */
  aperture?: ApertureConfig
  /**
   * Region of this process: the default for requests that name none. Text of at most 256 characters. Default
   * `''`.
   */
  region?: string
  /** Zone of this process. Text of at most 256 characters. Default `''`. */
  zone?: string
}

/**
 * A rule: service names that match `service` get these settings on top of their own. The most specific
 * pattern wins.
 */
export interface RuleConfig {
  /**
   * Name of the rule, unique; to update and remove it by. Text of 1 to 256 characters. Default the pattern.
   */
  id?: string
  /**
   * The services that the rule is for. The most specific pattern wins. A service name, or a pattern in which
   * `*` stands for any run of characters.
   */
  service: string
  /** Replaces the policy. As for a service. Default the service's. */
  policy?: PolicyName | CustomPolicyName | PolicyConfig
  /**
   * Only these endpoints, by id. Ids that a service does not have are passed over. An array of endpoint ids.
   * Default all.
   */
  endpoints?: readonly string[]
  /** Weights by endpoint id. An object of weights by endpoint id. Default the endpoints' own. */
  weights?: Readonly<Record<string, number>>
  /** Laid over the service's own, field by field. As for a service. Default the service's. */
  retry?: RetryConfig | false
  /**
   * `interval` of the health checks; cuts their `timeout` to it. No effect where no check is configured. A
   * whole number of ms, 1 to 86,400,000. Default the service's.
   */
  healthInterval?: number
}

/** What a `Balancer` is made of: services by name, and rules over them. */
export interface BalancerConfig {
  /**
   * The services by name: the `host` or `host:port` of the URLs that requests are sent to. Services by name.
   */
  services: Record<string, ServiceConfig>
  /** Settings laid over the services whose names match. Rules. Default `[]`. */
  rules?: readonly RuleConfig[]
  /**
   * Seed of the balancer's random numbers, for reproducible runs. A whole number, 0 to 4,294,967,295. Default
   * drawn at random.
   */
  seed?: number
}
