import type { AdminState, BreakerOverride, Endpoint } from './endpoint.js'
import type { EndpointConfig } from './options.generated.js'

/** One service of a running balancer, to change its endpoints at run time. Changes are in force at once in this thread. */
export interface Service {
  readonly name: string
  /** The endpoints that it has now, whatever their state. */
  readonly endpoints: Endpoint[]
  /**
   * Adds one endpoint.
   * @throws ConfigError where it is faulty
   * @throws ArgumentError where one of its id or address is there already
   *
   * @example
   * balancer.service('users').add('http://10.0.0.4:8080')
   */
  add(endpoint: string | EndpointConfig): Endpoint
  /**
   * Removes one endpoint: it gets no new requests, those in flight finish.
   * @throws UnknownEndpointError
   */
  remove(id: string): void
  /**
   * Changes one endpoint.
   * @throws UnknownEndpointError, ArgumentError or ConfigError before anything has changed
   *
   * @example
   * balancer.service('users').set('http://10.0.0.4:8080', { state: 'drain' })
   */
  set(id: string, change: { state?: AdminState; weight?: number; breaker?: BreakerOverride }): void
}
