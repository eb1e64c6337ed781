import { ConfigError, type ConfigFault } from '../errors.js'
import type { Endpoint } from '../model/index.js'
import { join } from '../options/faults.js'
import { givenTo } from '../runtime/dispatchers.js'
import type { ResolvedService } from './service.js'

const MESSAGE =
  'is an object or a function of this thread, and the balancer is shared over threads; call defineDispatcher(name, factory) in each thread, and give that name as `client.dispatcher`'

/** Throws where a service or one of its endpoints was given a dispatcher that other threads cannot have. */
export function refuseGiven({ name, client, endpoints }: ResolvedService): void {
  const path = join('services', name)
  const faults: ConfigFault[] = []
  if (givenTo(client) !== undefined) faults.push({ path: `${path}.client.dispatcher`, message: MESSAGE })
  endpoints.forEach((endpoint, i) => {
    if (givenTo(endpoint) !== undefined)
      faults.push({ path: `${path}.endpoints[${i}].dispatcher`, message: MESSAGE })
  })
  if (faults.length > 0) throw new ConfigError(faults)
}

/** As `refuseGiven`, of one endpoint that is to be added. */
export function refuseGivenTo(endpoint: Endpoint): void {
  if (givenTo(endpoint) !== undefined)
    throw new ConfigError([{ path: 'endpoint.dispatcher', message: MESSAGE }])
}
