import { customPolicy } from '../runtime/policies.js'
import { openCustom } from './custom.js'
import { POLICY_LIST } from './list.js'
import type { OpenPolicy, Policy, PolicyContext, ResolvedPolicy } from './policy.js'

/** Every policy of fairlead's own by its name. */
export const POLICIES: Readonly<Record<string, Policy>> = Object.fromEntries(
  POLICY_LIST.map((policy): [string, Policy] => [policy.name, policy]),
)

const builtIn = (name: string): Policy | undefined =>
  Object.hasOwn(POLICIES, name) ? POLICIES[name] : undefined

/** How the latency averages of a policy's endpoints follow a slower answer. */
export const latencyKind = ({ name }: ResolvedPolicy): 'peak' | 'plain' =>
  builtIn(name)?.latency ?? customPolicy(name)?.latency ?? 'plain'

/** What an endpoint that has not answered yet is taken to need, ms; 0: nothing is known, and nobody asks. */
export const firstLatencyMs = ({ name, firstRttMs }: ResolvedPolicy): number =>
  builtIn(name)?.looksAtLatency ? firstRttMs : 0

/** Whether an endpoint's due under the policy is its weight. A policy of the user's own is not known to. */
export const honoursWeights = ({ name }: ResolvedPolicy): boolean => {
  const policy = builtIn(name)
  return policy !== undefined && policy.ignoresWeights === undefined
}

/** What a request's choice depends on alone, under a policy that chooses by keys. */
export const keyOf = ({ name }: ResolvedPolicy): Policy['keyOf'] => builtIn(name)?.keyOf

/** Whether the policy needs the service's requests in flight counted as a whole. */
export const countsRequests = ({ hashBalanceFactor }: ResolvedPolicy): boolean => hashBalanceFactor > 0

/** Puts the policy that `options` names to work for a service. */
export function openPolicy(context: PolicyContext, options: ResolvedPolicy): OpenPolicy {
  const policy = builtIn(options.name)
  if (policy === undefined) return openCustom(options)
  if ('open' in policy) return policy.open(context, options)
  return { picker: (view) => policy.picker(view, options) }
}
