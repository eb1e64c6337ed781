import type { Dispatcher, Pool } from 'undici'
import type { Endpoint } from './endpoint.js'

/**
 * Makes the dispatcher of one endpoint, when it is first chosen, of the service's client options as undici's `Pool` takes
 * them. fairlead closes it when the endpoint leaves or the balancer stops.
 */
export type DispatcherFactory = (endpoint: Endpoint, options: Pool.Options) => Dispatcher
