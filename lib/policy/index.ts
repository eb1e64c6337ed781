import type { PolicyName } from '../model/index.js'
import type { ResolvedPolicy } from '../options/resolved.js'
import { customPolicy } from '../runtime/policies.js'
import { adaptive } from './adaptive.js'
import { openCustom } from './custom.js'
import { geographic } from './geographic.js'
import { ipHash } from './ip-hash.js'
import { joinIdleQueue } from './join-idle-queue.js'
import { leastRequest } from './least-request.js'
import { leastResponseTime } from './least-response-time.js'
import { maglev } from './maglev.js'
import { peakEwma } from './peak-ewma.js'
import type { OpenPolicy, Policy, PolicyContext } from './policy.js'
import { prequal } from './prequal.js'
import { random } from './random.js'
import { rendezvous } from './rendezvous.js'
import { resourceBased } from './resource-based.js'
import { ringHash } from './ring-hash.js'
import { roundRobin } from './round-robin.js'
import { weightedRandom } from './weighted-random.js'
import { weightedRoundRobin } from './weighted-round-robin.js'

/** Every policy of fairlead's own by its name. */
export const POLICIES: Readonly<Record<PolicyName, Policy>> = {
  'peak-ewma': peakEwma,
  'least-request': leastRequest,
  'least-response-time': leastResponseTime,
  'round-robin': roundRobin,
  'weighted-round-robin': weightedRoundRobin,
  random,
  'weighted-random': weightedRandom,
  'ip-hash': ipHash,
  'ring-hash': ringHash,
  maglev,
  rendezvous,
  geographic,
  'resource-based': resourceBased,
  adaptive,
  prequal,
  'join-idle-queue': joinIdleQueue,
}

const builtIn = (name: string): Policy | undefined =>
  Object.hasOwn(POLICIES, name) ? POLICIES[name as PolicyName] : undefined

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
