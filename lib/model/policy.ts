import type { Endpoint } from './endpoint.js'
import type { PickOptions } from './request.js'

/** The name of a policy of your own, as `definePolicy` returned it. */
export type CustomPolicyName = string & { readonly [CUSTOM_POLICY]: true }
declare const CUSTOM_POLICY: unique symbol

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
