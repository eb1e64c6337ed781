import type { Endpoint } from './endpoint.js'

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

/** A value of metadata that endpoints can be chosen by. */
export type SubsetValue = string | number | boolean

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
  /**
   * Until the request has to be answered, in ms: from this call on, or from the call of `with`. It covers the wait for a place,
   * connecting and every try; a body may take longer. No try begins after it, and what is left is sent on as a header
   * (`client.deadlineHeader`). Default: none.
   */
  deadlineMs?: number
  /** Tier of the admission queue's line, 0 to 3; those of a lower number go first. Default 1. */
  priority?: number
}

/** A request to choose an endpoint for. */
export interface PickRequest extends PickOptions {
  service: string
}

/** How `acquire` waits for a place. */
export interface AcquireOptions {
  /** Gives the wait for a place up: the promise then rejects with the signal's reason. */
  signal?: AbortSignal
  /**
   * Until the request has to be answered, from now, in ms: as the pick options' own. It waits no longer than what leaves time
   * for an answer. Default: none, and it waits up to the service's `queue.deadlineMs`.
   */
  deadlineMs?: number
  /** As the pick options' own. */
  priority?: number
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

/**
 * One request's place on an endpoint: in-flight is one higher until it ends. Its outcome has two parts: `answered`, at
 * the final headers, says how the endpoint did; `end` gives the place back. `end` alone does both. The first call of each
 * counts, further ones do nothing. A lease that is disposed (`using lease = ...`) without an end before is neutral:
 * neither success nor failure nor latency.
 */
export interface Lease {
  readonly endpoint: Endpoint
  readonly ended: boolean
  /** When the request was sent on its way: ms on the balancer's monotonic clock. */
  readonly startedAt: number
  /**
   * The endpoint has answered: its final headers are here, the body may still come. Verdict, latency and the end of a
   * probe are settled by this; the place is kept until `end()`. Without an outcome the answer was good, and its latency
   * is the time since the pick unless `latencyMs` says otherwise.
   * @throws ArgumentError on an outcome that it does not understand; nothing changes then
   *
   * @example
   * const lease = balancer.pick('users')
   * const response = await client.send(lease.endpoint)
   * lease.answered({ status: response.status })
   * for await (const chunk of response.body) use(chunk)
   * lease.end()
   */
  answered(outcome?: Outcome): void
  /**
   * The request is over. Without an outcome it succeeded; its latency is the time since the pick unless `latencyMs`
   * (time to the response's headers) says otherwise. Only successes are latency samples: an endpoint that fails fast
   * must not look quick. After `answered` all that counts here is whether the endpoint broke the body, which
   * `{ ok: false }` says.
   * @throws ArgumentError on an outcome that it does not understand; the lease has then ended neutrally, so that no
   *   place is lost
   */
  end(outcome?: Outcome): void
  [Symbol.dispose](): void
}
