import { ArgumentError } from '../errors.js'
import type { DispatcherFactory } from '../model/index.js'
import { registerDispatcherFactory } from '../runtime/dispatchers.js'

const NAME = /^[a-z][a-z0-9-]{0,63}$/

/**
 * Registers a factory of dispatchers under `name`, for the balancers of this thread; worker threads that attach register
 * their own. A service whose `client.dispatcher` is that name sends its requests by what the factory returns for each
 * endpoint, in the place of an undici `Pool`. What a factory made is closed by fairlead when the endpoint leaves or the
 * balancer stops. Returns the name.
 * @throws ArgumentError where the name is not 1 to 64 of a-z, 0-9 and "-", a letter first, or `factory` is no function
 */
export function defineDispatcher(name: string, factory: DispatcherFactory): string {
  if (typeof name !== 'string' || !NAME.test(name))
    throw new ArgumentError(
      `the name of a dispatcher is ${JSON.stringify(name) ?? typeof name}; it takes 1 to 64 of a-z, 0-9 and "-", a letter first`,
    )
  if (typeof factory !== 'function')
    throw new ArgumentError(
      `dispatcher "${name}" has no factory; it takes a function (endpoint, options) => Dispatcher`,
    )
  registerDispatcherFactory(name, factory)
  return name
}
