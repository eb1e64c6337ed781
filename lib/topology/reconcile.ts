import type { Endpoint } from '../model/index.js'
import type { Member } from './member.js'

export interface Difference {
  readonly kept: readonly { member: Member; endpoint: Endpoint }[]
  readonly added: readonly Endpoint[]
  readonly removed: readonly Member[]
}

/** Two endpoints of one id are the same node as long as they have the same address. */
const sameNode = (a: Endpoint, b: Endpoint): boolean => a.id === b.id && a.url === b.url

/** What has to happen so that `members` becomes `endpoints`: survivors are told by identity and keep slot and history. */
export function reconcile(members: readonly Member[], endpoints: readonly Endpoint[]): Difference {
  const wanted = new Map(endpoints.map((endpoint) => [endpoint.id, endpoint]))
  const kept: { member: Member; endpoint: Endpoint }[] = []
  const removed: Member[] = []
  for (const member of members) {
    const endpoint = wanted.get(member.endpoint.id)
    if (endpoint !== undefined && sameNode(member.endpoint, endpoint)) {
      kept.push({ member, endpoint })
      wanted.delete(endpoint.id)
    } else {
      removed.push(member)
    }
  }
  return { kept, added: [...wanted.values()], removed }
}
