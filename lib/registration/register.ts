import { systemTimers } from '../runtime/timers.js'
import { parseRegister, type RegisterOptions } from './options.js'
import { Registration } from './registration.js'

/**
 * Puts an endpoint into etcd, where balancers with the `etcd` source find it, and keeps it there by a lease until it is removed
 * or the process has ended for the lease's `ttl`. Resolves when it is there.
 * @throws ConfigError where an option or the endpoint is faulty
 * @throws EndpointTakenError where its id is taken by an endpoint of another URL
 * @throws RegistrationError where etcd cannot be reached within `timeoutMs`, or refuses. Then nothing is left in etcd
 * @example
 * const registration = await register({ etcd: { servers: ['http://10.0.0.1:2379'] }, service: 'users', endpoint: 'http://10.0.0.7:8080' })
 */
export async function register(options: RegisterOptions): Promise<Registration> {
  const resolved = parseRegister(options)
  resolved.signal?.throwIfAborted()
  const registration = new Registration(resolved, systemTimers)
  await registration.begin()
  return registration
}
