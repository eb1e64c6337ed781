/** Passive detection over endpoints of a test, by manual time. */

import { sortByState, stateOf } from '../../lib/health/filter.js'
import { Ejection, type EjectionOptions, type Failure } from '../../lib/health/passive/ejection.js'
import { resolveOutlier } from '../../lib/health/passive/options.js'
import type { Member } from '../../lib/topology/member.js'
import { ManualTimers } from './manual-timers.js'
import { admitAll, endpoint, manualState } from './state.js'

export function ejections(count: number, options: Partial<EjectionOptions> = {}) {
  const state = manualState()
  const timers = new ManualTimers()
  const members = admitAll(
    state,
    Array.from({ length: count }, (_, i) => endpoint(`e${i}`)),
  )
  const events: string[] = []
  const reasons: string[] = []
  const ejection = new Ejection<Member>(
    state,
    { ...resolveOutlier({}), ...options },
    timers,
    () => members,
    (member, change, why) => {
      events.push(`${member.endpoint.id} ${change}`)
      reasons.push(why)
    },
    () => true,
    async () => ({ ok: false, latencyMs: 0, detail: 'nobody listens' }),
  )
  const fail = (member: Member, times: number, kind: Failure = 'local-origin') => {
    for (let i = 0; i < times; i++) ejection.failed(member, kind, false)
  }
  const breakBodies = (member: Member, times: number) => {
    for (let i = 0; i < times; i++) {
      ejection.succeeded(member, false)
      ejection.bodyBroken(member)
    }
  }
  const stateNow = (member: Member) => stateOf(state, member.slot)
  const sorted = () => sortByState(state, members)
  return { state, timers, members, ejection, events, reasons, fail, breakBodies, stateNow, sorted }
}
