/** A service's view over endpoints of a test, made by the code that serves requests, on the engine that this run tests. */

import { ServicePolicy } from '../../lib/balancer/service-policy.js'
import { parseBalancerConfig } from '../../lib/configuration/parse.js'
import type { ResolvedService } from '../../lib/configuration/service.js'
import { OUTCOME } from '../../lib/engine/layout.js'
import type { SharedState } from '../../lib/engine/state.js'
import type { PickOptions, ServiceConfig } from '../../lib/model/index.js'
import type { Member } from '../../lib/topology/member.js'
import { ServiceView } from '../../lib/view/service-view.js'
import { ManualTimers } from './manual-timers.js'

export type Surroundings = Omit<ServiceConfig, 'endpoints'>

export const resolved = (config: Surroundings): ResolvedService =>
  parseBalancerConfig({ services: { users: { endpoints: [], ...config } } }).services.get(
    'users',
  ) as ResolvedService

export function serviceViews(state: SharedState, members: readonly Member[], config: Surroundings) {
  const options = resolved(config)
  const policy = new ServicePolicy(state, new ManualTimers(), () => {})
  policy.configure(options)
  const basis = { state, service: members[0]?.service ?? 0, members, options, policy }
  return { policy, view: (onWarming = () => {}) => new ServiceView(basis, onWarming) }
}

/** Share of `count` picks by member; each request ends at once. Throws where a pick finds no endpoint. */
export function shares(
  state: SharedState,
  view: ServiceView,
  members: readonly Member[],
  count: number,
  request: (i: number) => PickOptions = () => ({}),
): number[] {
  const counts = new Map(members.map(({ slot }) => [slot, 0]))
  for (let i = 0; i < count; i++) {
    const asked = request(i)
    const slot = view.of(asked).picker(asked)
    const seen = counts.get(slot)
    if (seen === undefined) throw new Error(`pick ${i} went to slot ${slot}, which is none of the members'`)
    counts.set(slot, seen + 1)
    state.core.end(slot, 0, OUTCOME.SUCCEEDED, -1)
  }
  return members.map(({ slot }) => (counts.get(slot) as number) / count)
}
