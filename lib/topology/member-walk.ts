import type { Endpoint } from '../model/index.js'
import type { Member } from './member.js'
import type { MemberIndex } from './member-index.js'

/** How far to look for where the list goes on. */
const WINDOW = 16

/**
 * Finds the members that endpoints are, in the order of a list. Most are the next member's own object, and those are found
 * without a look at what they say; the others by identity: id and address.
 */
export class MemberWalk {
  readonly #members: readonly Member[]
  readonly #index: MemberIndex
  #next = 0

  constructor(members: readonly Member[], index: MemberIndex) {
    this.#members = members
    this.#index = index
  }

  /** Undefined where it is none. */
  memberOf(endpoint: Endpoint): Member | undefined {
    const next: Member | undefined = this.#members[this.#next]
    if (next?.endpoint === endpoint) {
      this.#next++
      return next
    }
    const member = this.#index.find(endpoint.id)
    if (member?.endpoint.url !== endpoint.url) return undefined
    const end = Math.min(this.#members.length, this.#next + WINDOW)
    for (let at = this.#next; at < end; at++) if (this.#members[at] === member) this.#next = at + 1
    return member
  }
}
