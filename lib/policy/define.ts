import { ArgumentError } from '../errors.js'
import type { CustomPolicyName, PolicyDefinition } from '../model/index.js'
import { registerPolicy } from '../runtime/policies.js'
import { POLICY_NAMES } from './options.js'

const NAME = /^[a-z][a-z0-9-]{0,63}$/

/**
 * Registers a policy of your own under `name`, for the configurations of this thread; worker threads register their
 * own. Defining a name again replaces it for services that are configured afterwards. Returns the name, to be used as `policy`.
 *
 * A pick under a policy that throws, or that returns anything but one of its view's endpoints or `undefined`, throws
 * `PolicyError`, and no place is taken. `undefined` leaves the choice to least-request of two. Where the endpoint is at
 * its limit of requests in flight, the next one of the view is taken.
 * @throws ArgumentError where the name is one of fairlead's own, or the definition has no `picker`
 */
export function definePolicy(name: string, definition: PolicyDefinition): CustomPolicyName {
  if (typeof name !== 'string' || !NAME.test(name))
    throw new ArgumentError(
      `the name of a policy is ${JSON.stringify(name) ?? typeof name}; it takes 1 to 64 of a-z, 0-9 and "-", a letter first`,
    )
  if (POLICY_NAMES.some((own) => own === name))
    throw new ArgumentError(`"${name}" is a policy of fairlead's own; give yours another name`)
  if (typeof definition?.picker !== 'function')
    throw new ArgumentError(`policy "${name}" has no function \`picker(view, options)\``)
  const { latency = 'plain' } = definition
  if (latency !== 'plain' && latency !== 'peak')
    throw new ArgumentError(
      `\`latency\` of policy "${name}" is ${String(latency)}; it takes 'plain' or 'peak'`,
    )
  return registerPolicy(name, definition)
}
